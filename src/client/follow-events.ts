import { pause, toDelayMs } from './delays.ts';
import { isPassing } from './errors.ts';
import type { LonghaulEvent, StreamedEvent } from './events.ts';
import { readMessages } from './read-messages.ts';

export interface FollowOptions {
  /** Cursor of the last event that is already known. */
  readonly after?: number | undefined;
  /** Stops following, without an error. */
  readonly signal?: AbortSignal | undefined;
  /** Called each time a connection is open, with the cursor it continues after. */
  readonly onOpen?: ((cursor: number) => void) | undefined;
  /** Called each time the connection broke, or could not be opened; the client retries after `delayMs`. */
  readonly onInterruption?: ((delayMs: number, error: unknown) => void) | undefined;
}

export interface FollowAllOptions extends FollowOptions {
  /** Events of these types alone. Defaults to all. */
  readonly types?: readonly LonghaulEvent['type'][] | undefined;
}

interface FollowEventsOptions extends FollowOptions {
  /** Opens the stream of the events after a cursor; null: of the events from now on. */
  readonly connect: (after: number | null, signal: AbortSignal) => Promise<Response>;
  /** Returns whether nothing more can follow a cursor; called when a stream ended without an event. */
  readonly isOver?: ((after: number) => Promise<boolean>) | undefined;
}

/** The server sends a heartbeat every 5 seconds. */
const SILENCE_MS = 30_000;

/**
 * Yields events, each once and in order, over as many connections as needed; `cursor` is the id in the stream. Only a
 * rejection, the signal and `isOver` end it.
 */
export async function* followEvents(options: FollowEventsOptions): AsyncGenerator<StreamedEvent, void, void> {
  const { connect, isOver, after, signal = new AbortController().signal, onOpen, onInterruption } = options;
  let cursor: number | null = after ?? null;
  let failures = 0;
  while (!signal.aborted) {
    let broken: unknown = null;
    let hasBrought = false;
    let isOpen = false;
    const onSign = (id: string) => {
      // The first message names the position; otherwise the position is the requested one.
      if (id !== '') [cursor, failures] = [Math.max(Number(id), cursor ?? 0), 0];
      if (!isOpen && cursor !== null) onOpen?.(cursor);
      isOpen ||= cursor !== null;
    };
    try {
      const { body } = await connect(cursor, signal);
      if (body === null) return;
      if (cursor !== null) onSign('');
      const messages = readMessages(body, { silenceMs: SILENCE_MS, signal, onSign });
      try {
        for (;;) {
          const { done, value } = await messages.next();
          if (signal.aborted) return;
          if (done) {
            if (value && !hasBrought && cursor !== null && (await isOver?.(cursor))) return;
            break;
          }
          const position = Number(value.id);
          if (cursor !== null && position <= cursor) continue;
          if (cursor === null) onSign(value.id);
          [cursor, failures] = [position, 0];
          hasBrought = true;
          yield { ...(JSON.parse(value.data) as LonghaulEvent), cursor: position };
        }
      } finally {
        await messages.return(false);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isPassing(error)) throw error;
      broken = error;
    }
    if (signal.aborted) return;
    const delayMs = toDelayMs(failures++);
    onInterruption?.(delayMs, broken);
    await pause(delayMs, signal);
  }
}
