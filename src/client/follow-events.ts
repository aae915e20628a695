import type { EventResource } from '../api/contract.ts';
import { LonghaulApiError, LonghaulNetworkError } from './errors.ts';
import { readMessages } from './read-messages.ts';

export interface FollowOptions {
  /** The `seq` of the last event that is known already. Defaults to 0: the whole log. */
  readonly after?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told each time the connection broke, or none could be made; it is tried again after `delayMs`. */
  readonly onInterruption?: ((delayMs: number) => void) | undefined;
}

interface FollowEventsOptions extends FollowOptions {
  /** Opens the stream of the events after a `seq`. */
  readonly connect: (after: number, signal: AbortSignal) => Promise<Response>;
}

const FINAL_TYPES = new Set(['run.succeeded', 'run.failed', 'run.cancelled']);

/** The server gives a sign of life every 5 seconds. */
const SILENCE_MS = 30_000;

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;

/** A run's events, over as many connections as it takes. See `LonghaulClient.events`. */
export async function* followEvents(options: FollowEventsOptions): AsyncGenerator<EventResource, void, void> {
  const { connect, after = 0, signal = new AbortController().signal, onInterruption } = options;
  let cursor = after;
  let failures = 0;
  while (!signal.aborted) {
    try {
      for await (const event of readEvents(await connect(cursor, signal))) {
        if (signal.aborted) return;
        if (event.seq <= cursor) continue;
        cursor = event.seq;
        failures = 0;
        yield event;
        if (FINAL_TYPES.has(event.type)) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isPassing(error)) throw error;
    }
    if (signal.aborted) return;
    const delayMs = toDelayMs(failures++);
    onInterruption?.(delayMs);
    await pause(delayMs, signal);
  }
}

async function* readEvents({ body }: Response): AsyncGenerator<EventResource, void, void> {
  if (body === null) return;
  for await (const { data } of readMessages(body, { silenceMs: SILENCE_MS })) yield JSON.parse(data) as EventResource;
}

/** Whether the same request may be answered later: nobody answered, the server failed, or it has too much to do. */
function isPassing(error: unknown): boolean {
  if (error instanceof LonghaulNetworkError) return true;
  return error instanceof LonghaulApiError && (error.status >= 500 || error.status === 408 || error.status === 429);
}

/** Doubles with each failure in a row, and differs from reader to reader: a server that comes back is not run down. */
function toDelayMs(failures: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** failures, LONGEST_DELAY_MS) * (0.75 + Math.random() / 4);
}

function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, durationMs);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
