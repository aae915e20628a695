import type { NewEvent } from '../core/events.ts';
import { isOwnWords } from '../core/own-words.ts';
import { toStorable } from '../core/text.ts';
import { toFields, toList, toText } from '../core/untyped.ts';
import type { AnswerPiece } from './answer.ts';
import type { UnfinishedToolUse } from './continuation.ts';
import type { Transcript, TranscriptEntry } from './transcript.ts';

/** A block of text that the log of a run has, of an earlier attempt. */
export interface SaidBlock {
  readonly blockId: string;
  /** Whether it came to its end. */
  readonly isWhole: boolean;
}

/** What there is of a run in the conversation that an attempt is to continue. */
export interface Progress {
  /** Whether there is anything to resume. */
  readonly isBegun: boolean;
  /** Whether the run's prompt is in it. */
  readonly isAsked: boolean;
  /** Whether a tool was used since then. */
  readonly hasUsedTools: boolean;
  /** Tools at work when it was cut off that the conversation does not know of. */
  readonly unknownToolUses: readonly UnfinishedToolUse[];
  /** What was answered, where the conversation ends in it. */
  readonly answer: readonly AnswerPiece[];
  /** Whether it ends in the middle of a text. */
  readonly isCutOff: boolean;
  /** What readers were told and the conversation does not have: the model does not know that it has said it. */
  readonly abandoned: readonly NewEvent[];
}

interface ProgressOptions {
  /** The conversation; null when the attempt begins one. */
  readonly transcript: Transcript | null;
  readonly runId: string;
  readonly unfinishedToolUses: readonly UnfinishedToolUse[];
  readonly saidBefore: readonly SaidBlock[];
}

/** Looks how far a run had come. Its prompt is known by the run's id, under which it was sent. */
export async function findProgress(options: ProgressOptions): Promise<Progress> {
  const { transcript, runId, unfinishedToolUses, saidBefore } = options;
  const entries = (await transcript?.load({ subpath: '' })) ?? [];
  const known = unfinishedToolUses.length === 0 ? '' : JSON.stringify(entries);
  const promptAt = entries.findIndex(({ type, uuid }) => type === 'user' && uuid === runId);
  return {
    isBegun: entries.some(({ type }) => type === 'user' || type === 'assistant'),
    isAsked: promptAt !== -1,
    unknownToolUses: unfinishedToolUses.filter(({ toolUseId }) => !known.includes(toolUseId)),
    ...(promptAt === -1 ? NOTHING_ANSWERED : findAnswer(entries.slice(promptAt + 1))),
    abandoned: findAbandoned(saidBefore, entries),
  };
}

const NOTHING_ANSWERED = { answer: [], isCutOff: false, hasUsedTools: false };

export const NO_PROGRESS: Progress = {
  ...NOTHING_ANSWERED,
  isBegun: false,
  isAsked: false,
  unknownToolUses: [],
  abandoned: [],
};

/** The stop reasons of an answer that is not at its end, as the transcript keeps them. */
const CUTTING = new Set(['max_tokens', 'model_context_window_exceeded']);

/** The text that entries end in, behind the last use of a tool and the last thing that was said to the model. */
function findAnswer(entries: readonly TranscriptEntry[]): Pick<Progress, 'answer' | 'isCutOff' | 'hasUsedTools'> {
  let answer: AnswerPiece[] = [];
  let isCutOff = false;
  let hasUsedTools = false;
  let lastMessageId: unknown = null;
  for (const entry of entries) {
    if (entry['type'] === 'user') {
      if (isNote(entry)) continue;
      answer = [];
      isCutOff = false;
    }
    if (!isAnswer(entry)) continue;
    const { id, stop_reason: stopReason, content } = toFields(entry['message']);
    for (const block of toList(content).map(toFields)) {
      const type = toText(block['type']) ?? '';
      if (type.includes('thinking')) continue;
      const text = type === 'text' ? toStorable(toText(block['text']) ?? '') : '';
      if (type !== 'text') {
        answer = [];
        hasUsedTools = true;
      } else if (text !== '') {
        answer.push({ text, isContinuation: isCutOff && id !== lastMessageId && answer.length > 0 });
      }
      isCutOff = type === 'text' && (CUTTING.has(toText(stopReason) ?? '') || entry['isAbortedMidStream'] === true);
      lastMessageId = id;
    }
  }
  return { answer, isCutOff, hasUsedTools };
}

/** Whether an entry was said to the model by Claude Code or Longhaul, so that it goes on with what it was saying. */
function isNote(entry: TranscriptEntry): boolean {
  if (entry['isMeta'] === true) return true;
  const { content } = toFields(entry['message']);
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : toList(content).map(toFields);
  return blocks.every(({ type, text }) => type === 'text' && isOwnWords(toText(text) ?? ''));
}

/** Whether an entry is an answer of the model's: Claude Code keeps words of its own among them. */
function isAnswer(entry: TranscriptEntry): boolean {
  if (entry['type'] !== 'assistant' || entry['isApiErrorMessage'] === true) return false;
  return toFields(entry['message'])['model'] !== '<synthetic>';
}

/**
 * The blocks that the conversation does not have: unfinished ones, and whole ones that Claude Code had not written yet
 * when it was killed. It writes a response when that is over, so of each response the first blocks are known, or all.
 */
function findAbandoned(saidBefore: readonly SaidBlock[], entries: readonly TranscriptEntry[]): NewEvent[] {
  const knownTexts = new Map<string, number>();
  for (const entry of saidBefore.length === 0 ? [] : entries.filter(isAnswer)) {
    const { id, content } = toFields(entry['message']);
    const texts = toList(content).filter((block) => toFields(block)['type'] === 'text');
    const messageId = toStorable(toText(id) ?? '');
    knownTexts.set(messageId, (knownTexts.get(messageId) ?? 0) + texts.length);
  }
  return saidBefore.flatMap(({ blockId, isWhole }): NewEvent[] => {
    const messageId = blockId.replace(/(?:~\d+)?:\d+$/, '');
    const left = knownTexts.get(messageId) ?? 0;
    if (isWhole && left > 0) {
      knownTexts.set(messageId, left - 1);
      return [];
    }
    return [{ type: 'agent.text.abandoned', data: { blockId } }];
  });
}
