import { expect, test } from 'vitest';
import { textOf } from '../client/text-of.ts';
import type { NewEvent } from '../core/events.ts';
import {
  cut,
  failMidStream,
  hang,
  say,
  startScriptedModel,
  think,
  turn,
  useTool,
  type Turn,
} from '../testing/index.ts';
import { startAgentProcess } from './agent-process.ts';
import { createAttempt } from './attempt.fixture.ts';
import type { SaidBlock } from './progress.ts';
import { createTranscript } from './transcript.fixture.ts';

/** Answers that come in several pieces, with the real Claude Code executable. */

/** The answers to an attempt's calls, one after the other; the last one repeats. */
async function answer(turns: readonly Turn[]) {
  let calls = 0;
  await using model = await startScriptedModel({ script: () => turns[Math.min(calls++, turns.length - 1)]! });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Read'] } });
  const { outcome } = await startAgentProcess(attempt.spec).done;
  const types = attempt.events.map(({ type }) => type);
  return { outcome, calls, types, text: textOf(attempt.events) };
}

/** A cut reaches the executable behind what was said: it has to have read that. */
const slowly = { chunks: 4, chunkDelayMs: 30 };
const cutOff = { stopReason: 'max_tokens' } as const;

test.each<[string, Turn[], string]>([
  [
    'cut by its length, twice',
    [turn(say('One, '), cutOff), turn(say('two, '), cutOff), say('three.')],
    'One, two, three.',
  ],
  ['of two blocks', [turn([say('Block one.'), say('Block two.')])], 'Block one.\n\nBlock two.'],
  [
    'whose stream broke within its second block',
    [cut([say('One.', slowly), say('Half of tw', slowly)], { midBlock: true }), say('Two.')],
    'One.\n\nTwo.',
  ],
  [
    'that an error stopped behind a whole block',
    [failMidStream(say('The first half, ', slowly), { type: 'api_error', message: 'Broken' }), say('the second.')],
    'The first half, the second.',
  ],
  ['whose last piece is empty', [turn(say('All of it.'), cutOff), turn([])], 'All of it.'],
  ['behind the use of a tool', [turn([say('Let me look.'), useTool('Read', { file_path: 'x' })]), say('So.')], 'So.'],
])('the result of an answer %s is the whole of it', async (_, turns, result) => {
  const { outcome, text } = await answer(turns);
  expect(outcome).toEqual({ status: 'succeeded', result });
  // What readers have had says the same, with what was said before the tool was used.
  expect(text.endsWith(result)).toBe(true);
});

test.each<[string, Turn]>([
  ['', cut(say('The income ta', slowly), { midBlock: true })],
  [', with thinking before it,', cut([think('Hm.'), say('The income ta', slowly)], { midBlock: true })],
])('a first block%s that was begun and given up is in neither the result nor the text', async (_, broken) => {
  const { outcome, types, text } = await answer([broken, say('The income tax.')]);
  expect(outcome).toEqual({ status: 'succeeded', result: 'The income tax.' });
  expect(text).toBe('The income tax.');
  expect(types.filter((type) => type === 'agent.text.abandoned')).toHaveLength(1);
});

/** The blocks that a log has of an attempt. */
function toSaid(events: readonly NewEvent[]): SaidBlock[] {
  const whole = new Map<string, boolean>();
  for (const event of events) {
    if (event.type === 'agent.text.delta') whole.set(event.data.blockId, false);
    if (event.type === 'agent.text') whole.set(event.data.blockId, true);
  }
  return [...whole].map(([blockId, isWhole]) => ({ blockId, isWhole }));
}

/** An attempt that ends while it says `first`, in one way or another, and the next one, which says `second`. */
async function takeOver(
  { first, second }: { first: Turn; second: Turn },
  end: (attempt: Awaited<ReturnType<typeof createAttempt>>, process: ReturnType<typeof startAgentProcess>) => unknown,
) {
  const keeper = createTranscript();
  let script = first;
  await using model = await startScriptedModel({ script: () => script });
  await using before = await createAttempt({ url: model.url, spec: { transcript: keeper.transcript } });
  const process = startAgentProcess(before.spec);
  await end(before, process);
  await process.done;
  script = second;
  const { runId, sessionId } = before.spec;
  const saidBefore = toSaid(before.events);
  await using after = await createAttempt({
    url: model.url,
    spec: { runId, sessionId, transcript: keeper.transcript, isResumed: true, saidBefore },
  });
  const { outcome } = await startAgentProcess(after.spec).done;
  return { outcome, text: textOf([...before.events, ...after.events]) };
}

test('an attempt that goes on with a text in the middle has all of it for its result', async () => {
  const turns = { first: hang({ after: say('The first half, ', slowly), midBlock: true }), second: say('the second.') };
  const { outcome, text } = await takeOver(turns, async (attempt, process) => {
    await attempt.untilEvent('agent.text.delta');
    await process.stop('handed_back');
  });
  expect(outcome).toMatchObject({ status: 'succeeded' });
  expect(text).toBe(outcome.status === 'succeeded' ? outcome.result : '');
  expect(text).toMatch(/^The.+the second\.$/);
});

test('an answer that was over when its attempt was lost is in the result of the next one', async () => {
  const turns = { first: turn(say('The whole answer.'), { stopReason: 'pause_turn' }), second: say('No more to say.') };
  const { outcome, text } = await takeOver(turns, (attempt) => attempt.untilEvent('agent.text'));
  expect(outcome).toEqual({ status: 'succeeded', result: 'The whole answer.\n\nNo more to say.' });
  expect(text).toBe('The whole answer.\n\nNo more to say.');
});

test('what an attempt has told and the conversation does not have is given up by the next one, which says it again', async () => {
  const first = hang({ after: [say('One.', slowly), say('Half of tw', slowly)], midBlock: true });
  const { outcome, text } = await takeOver({ first, second: turn([say('One.'), say('Two.')]) }, async (attempt) => {
    await attempt.untilEvent('agent.text');
    for (const { pid } of await attempt.processes()) globalThis.process.kill(pid, 'SIGKILL');
  });
  expect(outcome).toEqual({ status: 'succeeded', result: 'One.\n\nTwo.' });
  expect(text).toBe('One.\n\nTwo.');
});
