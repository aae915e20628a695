import { after } from '../core/timers.ts';
import type { CursorEvent, CursorEvents } from './cursor-events.ts';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // nginx would gather a stream into blocks.
  'x-accel-buffering': 'no',
};

/** How long a reader may take nothing of what it was sent. It can come back for the rest. */
export const READER_STALL_MS = 30_000;

/** What is made ready for a reader at once, beyond one event: all that waits for one that does not read. */
const CHUNK_CHARACTERS = 32_768;

interface EventStreamOptions {
  /** The stream is over: the reader has gone away or takes nothing, or nothing more comes. */
  readonly onOver: () => void;
  readonly onError: (error: unknown) => void;
  /** Defaults to `READER_STALL_MS`. */
  readonly stallMs?: number;
}

/**
 * Answers with batches of events as a stream (WHATWG HTML, 9.2): `id` is the cursor, `event` the type, `data` the event
 * as JSON; an `id` alone sets the cursor and is no event. The source is asked for more only as the reader takes what it
 * has, so a slow reader holds up nobody and costs no more than a batch; one that goes away, or takes nothing for
 * `stallMs`, ends the source through `onOver`. When the source fails, `onError` is told and the stream ends: its reader
 * comes back for the rest.
 */
export function toEventStream(
  source: CursorEvents,
  { onOver, onError, stallMs = READER_STALL_MS }: EventStreamOptions,
): Response {
  const encoder = new TextEncoder();
  let isOver = false;
  let batch: readonly CursorEvent[] = [];
  let sent = 0;
  let stallTimer: NodeJS.Timeout | undefined;

  function end(): void {
    isOver = true;
    clearTimeout(stallTimer);
    batch = [];
    onOver();
  }

  /** The next of the batch, as many as fit. */
  function nextChunk(): string {
    const { text, count } = toChunk(batch, sent);
    sent += count;
    return text;
  }

  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode('retry: 1000\n\n'));
    },
    async pull(controller) {
      clearTimeout(stallTimer);
      try {
        if (sent === batch.length) {
          const { done, value } = await source.next();
          if (isOver) return;
          if (done) {
            end();
            return controller.close();
          }
          [batch, sent] = [value, 0];
        }
        controller.enqueue(encoder.encode(nextChunk()));
        stallTimer = after(
          stallMs,
          () => {
            end();
            controller.error(new Error(`The reader took nothing for ${stallMs} ms.`));
          },
          onError,
        );
      } catch (error) {
        if (isOver) return;
        end();
        onError(error);
        controller.close();
      }
    },
    cancel() {
      end();
    },
  });
  return new Response(body, { headers: HEADERS });
}

function toFrame({ cursor, event }: CursorEvent): string {
  if (event === null) return `id: ${cursor}\n\n`;
  return `id: ${cursor}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

interface Chunk {
  readonly text: string;
  /** Of how many events. */
  readonly count: number;
}

/** Batches that are one chunk, as those of a run at work are. Readers share them. */
const whole = new WeakMap<readonly CursorEvent[], Chunk>();

function toChunk(batch: readonly CursorEvent[], from: number): Chunk {
  if (batch.length === 0) return { text: ': still here\n\n', count: 0 };
  const known = whole.get(batch);
  if (known !== undefined && from === 0) return known;
  let text = '';
  let next = from;
  while (next < batch.length && text.length < CHUNK_CHARACTERS) text += toFrame(batch[next++]!);
  const chunk = { text, count: next - from };
  if (chunk.count === batch.length) whole.set(batch, chunk);
  return chunk;
}
