import type { NewEvent } from '../../core/events.ts';
import { isOwnWords } from '../../core/own-words.ts';
import { toStorable } from '../../core/text.ts';
import { toFields, toList, toText } from '../../core/untyped.ts';
import type { AnswerPiece } from '../messages/answer.ts';
import type { UnfinishedToolUse } from './continuation.ts';
import type { Transcript, TranscriptEntry } from './transcript.ts';

/** A block of text of an earlier attempt in the log of a run. */
export interface SaidBlock {
  readonly blockId: string;
  /** True when the block is complete. */
  readonly isWhole: boolean;
}

/** The progress of a run in the conversation that an attempt continues. */
export interface Progress {
  /** True when there is something to resume. */
  readonly isBegun: boolean;
  /** True when the conversation contains the run's prompt. */
  readonly isAsked: boolean;
  /** True when a tool was used since the prompt. */
  readonly hasUsedTools: boolean;
  /** Tools that were running when the conversation was cut off, and that the conversation does not contain. */
  readonly unknownToolUses: readonly UnfinishedToolUse[];
  /** The answer with which the conversation ends. */
  readonly answer: readonly AnswerPiece[];
  /** True when the conversation ends in the middle of a text. */
  readonly isCutOff: boolean;
  /**
   * True when the conversation ends with an answer that is complete, and nothing is known that came after it: the next
   * attempt then calls no model (`isFinished` in `agent-process.ts`).
   */
  readonly isAnswered: boolean;
  /** Texts that readers received and the conversation does not contain: the model does not know that it wrote them. */
  readonly abandoned: readonly NewEvent[];
}

interface ProgressOptions {
  /** The conversation; null when the attempt begins one. */
  readonly transcript: Transcript | null;
  readonly runId: string;
  readonly unfinishedToolUses: readonly UnfinishedToolUse[];
  readonly saidBefore: readonly SaidBlock[];
}

/** Finds how far a run had come. Its prompt has the run's id. */
export async function findProgress(options: ProgressOptions): Promise<Progress> {
  const { transcript, runId, unfinishedToolUses, saidBefore } = options;
  const entries = (await transcript?.load({ subpath: '' })) ?? [];
  const known = unfinishedToolUses.length === 0 ? '' : JSON.stringify(entries);
  const promptAt = entries.findIndex(({ type, uuid }) => type === 'user' && uuid === runId);
  const found = promptAt === -1 ? NOTHING_ANSWERED : findAnswer(entries.slice(promptAt + 1));
  const unknownToolUses = unfinishedToolUses.filter(({ toolUseId }) => !known.includes(toolUseId));
  const abandoned = findAbandoned(saidBefore, entries);
  return {
    isBegun: entries.some(({ type }) => type === 'user' || type === 'assistant'),
    isAsked: promptAt !== -1,
    unknownToolUses,
    ...found,
    isAnswered: found.isAnswered && unknownToolUses.length === 0 && abandoned.length === 0,
    abandoned,
  };
}

const NOTHING_ANSWERED: Found = { answer: [], isCutOff: false, isAnswered: false, hasUsedTools: false };

export const NO_PROGRESS: Progress = {
  ...NOTHING_ANSWERED,
  isBegun: false,
  isAsked: false,
  unknownToolUses: [],
  abandoned: [],
};

/** The stop reasons of an unfinished answer in the transcript. */
const CUTTING = new Set(['max_tokens', 'model_context_window_exceeded']);

type Found = Pick<Progress, 'answer' | 'isCutOff' | 'isAnswered' | 'hasUsedTools'>;

/** Finds the text with which the entries end, after the last tool use and the last message to the model. */
function findAnswer(entries: readonly TranscriptEntry[]): Found {
  let answer: AnswerPiece[] = [];
  let isCutOff = false;
  let isAnswered = false;
  let hasUsedTools = false;
  let lastMessageId: unknown = null;
  for (const entry of entries) {
    // A note or a message after an answer asks for another one.
    if (entry['type'] === 'user' || isMessage(entry)) isAnswered = false;
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
      isAnswered = type === 'text' && stopReason === 'end_turn' && answer.some(({ text: said }) => said.trim() !== '');
      lastMessageId = id;
    }
  }
  return { answer, isCutOff, isAnswered, hasUsedTools };
}

/** Returns whether Claude Code or Longhaul itself sent the entry to the model, so that the model continues its text. */
function isNote(entry: TranscriptEntry): boolean {
  if (entry['isMeta'] === true) return true;
  const { content } = toFields(entry['message']);
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : toList(content).map(toFields);
  return blocks.every(({ type, text }) => type === 'text' && isOwnWords(toText(text) ?? ''));
}

/** Returns whether an entry is a message that came while the model worked. Other attachments are Claude Code's facts. */
function isMessage(entry: TranscriptEntry): boolean {
  return toFields(entry['attachment'])['type'] === 'queued_command';
}

/** Returns whether an entry is an answer of the model: Claude Code stores its own texts among them. */
function isAnswer(entry: TranscriptEntry): boolean {
  if (entry['type'] !== 'assistant' || entry['isApiErrorMessage'] === true) return false;
  return toFields(entry['message'])['model'] !== '<synthetic>';
}

/**
 * Finds the blocks that the conversation does not contain: unfinished blocks, and whole blocks that Claude Code had not
 * written when it was killed. It writes a response when the response ends, so the first blocks of each response are
 * known, or all.
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
