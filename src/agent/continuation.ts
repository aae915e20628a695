import { head } from '../core/text.ts';
import type { Transcript } from './transcript.ts';

/** What an attempt tells the model that takes up a conversation where another was cut off. */
export const CONTINUATION =
  'The previous attempt at this task was interrupted before it was finished. Continue from where it stopped. ' +
  'Do not repeat steps that are finished. The outcome of a tool call without a recorded result is unknown: ' +
  'check whether it took effect before you do it again. Where the conversation says that the user rejected or ' +
  'interrupted a tool use, or that you are to stop and wait, it was this interruption and not the user: go on.';

/** A tool that was used, and whose result never came. */
export interface UnfinishedToolUse {
  readonly toolUseId: string;
  readonly name: string;
  readonly input: unknown;
}

/** How much of a tool's input the model is reminded of. */
const INPUT_LENGTH = 2_000;

/** What the model is told of tools that the conversation does not know of, or null when there are none. */
export function describeUnfinished(uses: readonly UnfinishedToolUse[]): string | null {
  if (uses.length === 0) return null;
  const lines = uses.map(({ name, input }) => `- ${name} ${head(JSON.stringify(input), INPUT_LENGTH)}`);
  return `An earlier attempt at this task used these tools, and was interrupted before their results came. Whether they took effect is unknown: check before you do the same again.\n${lines.join('\n')}`;
}

/** What there is of a run in the conversation that an attempt is to continue. */
export interface Progress {
  /** Whether there is anything to resume. */
  readonly isBegun: boolean;
  /** Whether the run's prompt is in it. */
  readonly isAsked: boolean;
  /** Tools at work when it was cut off that the conversation does not know of. */
  readonly unknownToolUses: readonly UnfinishedToolUse[];
}

export const NO_PROGRESS: Progress = { isBegun: false, isAsked: false, unknownToolUses: [] };

interface ProgressOptions {
  readonly transcript: Transcript;
  readonly runId: string;
  readonly unfinishedToolUses: readonly UnfinishedToolUse[];
}

/** Looks how far a run had come. Its prompt is known by the run's id, under which it was sent. */
export async function findProgress({ transcript, runId, unfinishedToolUses }: ProgressOptions): Promise<Progress> {
  const entries = (await transcript.load({ subpath: '' })) ?? [];
  const known = unfinishedToolUses.length === 0 ? '' : JSON.stringify(entries);
  return {
    isBegun: entries.some(({ type }) => type === 'user' || type === 'assistant'),
    isAsked: entries.some(({ type, uuid }) => type === 'user' && uuid === runId),
    unknownToolUses: unfinishedToolUses.filter(({ toolUseId }) => !known.includes(toolUseId)),
  };
}
