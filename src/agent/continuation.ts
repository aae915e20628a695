import type { Transcript } from './transcript.ts';

/** What an attempt tells the model that takes up a conversation where another was cut off. */
export const CONTINUATION =
  'The previous attempt at this task was interrupted before it was finished. Continue from where it stopped. ' +
  'Do not repeat steps that are finished. The outcome of a tool call without a recorded result is unknown: ' +
  'check whether it took effect before you do it again.';

/** What there is of a run in the conversation that an attempt is to continue. */
export interface Progress {
  /** Whether there is anything to resume. */
  readonly isBegun: boolean;
  /** Whether the run's prompt is in it. */
  readonly isAsked: boolean;
}

/** Looks how far a run had come. Its prompt is known by the run's id, under which it was sent. */
export async function findProgress(transcript: Transcript, runId: string): Promise<Progress> {
  const entries = (await transcript.load({ subpath: '' })) ?? [];
  return {
    isBegun: entries.some(({ type }) => type === 'user' || type === 'assistant'),
    isAsked: entries.some(({ type, uuid }) => type === 'user' && uuid === runId),
  };
}
