import { say } from '../scripted-model/blocks.ts';
import type { ModelRequest } from '../scripted-model/model-request.ts';
import { turn, type Turn } from '../scripted-model/turns.ts';

/** Prompt of a run whose answer takes some seconds: time to disturb it. */
export const SLOW = 'Answer slowly.';
/** Prompt of a run whose answer comes at once. */
export const QUICK = 'Answer at once.';

const WORDS = Array.from({ length: 40 }, (_, index) => `word${index + 1} `);
const WORD_DELAY_MS = 80;

export const SLOW_ANSWER = WORDS.join('');

/** The model of drills. Its answers report one token each, so that they cost next to nothing in the ledger. */
export function drillScript({ prompt }: ModelRequest): Turn {
  const usage = { inputTokens: 1, outputTokens: 1 };
  return prompt.includes(SLOW)
    ? turn(say(SLOW_ANSWER, { chunks: WORDS, chunkDelayMs: WORD_DELAY_MS }), { usage })
    : turn(say('Done.'), { usage });
}
