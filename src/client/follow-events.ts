import { pause, toDelayMs } from './delays.ts';
import { isPassing } from './errors.ts';
import type { LonghaulEvent, StreamedEvent } from './events.ts';
import { readMessages } from './read-messages.ts';

export interface FollowOptions {
  /** The cursor of the last event that is known already. */
  readonly after?: number | undefined;
  /** Ends it, quietly. */
  readonly signal?: AbortSignal | undefined;
  /** Told each time a connection stands, with the cursor it goes on behind. */
  readonly onOpen?: ((cursor: number) => void) | undefined;
  /** Told each time the connection broke, or none could be made; it is tried again after `delayMs`. */
  readonly onInterruption?: ((delayMs: number, error: unknown) => void) | undefined;
}

export interface FollowAllOptions extends FollowOptions {
  /** Events of these types alone. Defaults to all. */
  readonly types?: readonly LonghaulEvent['type'][] | undefined;
}

interface FollowEventsOptions extends FollowOptions {
  /** Opens the stream of the events after a cursor; null: those from now on. */
  readonly connect: (after: number | null, signal: AbortSignal) => Promise<Response>;
  /** Whether nothing more can come after a cursor: asked when a stream ended without bringing anything. */
  readonly isOver?: ((after: number) => Promise<boolean>) | undefined;
}

/** The server gives a sign of life every 5 seconds. */
const SILENCE_MS = 30_000;

/**
 * Events, each once and in order, over as many connections as it takes; `cursor` is what the stream named as id. Only a
 * refusal, the signal and `isOver` end it.
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
      // What comes first names the place, or else it is the one that was asked for.
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
