import { report } from '../core/process-events.ts';
import { after } from '../core/timers.ts';
import type { CursorEvent, CursorEvents } from './cursor-events.ts';
import { createLagReport } from './lag-report.ts';
import { READER_STALL_MS } from './timing.ts';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Otherwise nginx buffers a stream into blocks.
  'x-accel-buffering': 'no',
};

/** Maximum characters prepared at once for a client, beyond one event. A client that does not read buffers no more. */
const CHUNK_CHARACTERS = 32_768;

interface EventStreamOptions {
  /** Called when the stream ends: the client has disconnected or does not read, or there are no more events. */
  readonly onOver: () => void;
  readonly onError: (error: unknown) => void;
  /** Defaults to `READER_STALL_MS`. */
  readonly stallMs?: number;
}

/**
 * Creates a response that streams batches of events (WHATWG HTML, 9.2): `id` is the cursor, `event` the type, `data`
 * the event as JSON; an `id` alone sets the cursor without an event. The source is read only as fast as the client
 * reads, so a slow client delays no other client and costs no more than a batch. A client that disconnects, or reads
 * nothing for `stallMs`, ends the source through `onOver`. When the source fails, `onError` is called and the stream
 * ends; its client reconnects for the rest.
 */
export function toEventStream(source: CursorEvents, options: EventStreamOptions): Response {
  return toFrameStream(source, { ...options, toFrame, onBatch: createLagReport('sse') });
}

interface FrameStreamOptions<T> extends EventStreamOptions {
  /** Formats an item, up to the empty line at its end. */
  readonly toFrame: (item: T) => string;
  /** Called with each batch before it is sent. */
  readonly onBatch?: (batch: readonly T[]) => void;
}

/** Creates a response as `toEventStream` does, of any frames. An empty batch becomes a comment. */
export function toFrameStream<T>(
  source: AsyncGenerator<readonly T[], void, void>,
  { onOver, onError, stallMs = READER_STALL_MS, toFrame: format, onBatch = () => {} }: FrameStreamOptions<T>,
): Response {
  const encoder = new TextEncoder();
  let isOver = false;
  let batch: readonly T[] = [];
  let sent = 0;
  let stallTimer: NodeJS.Timeout | undefined;

  report('stream.opened', { transport: 'sse' });

  function end(): void {
    if (!isOver) report('stream.closed', { transport: 'sse' });
    isOver = true;
    clearTimeout(stallTimer);
    batch = [];
    onOver();
  }

  /** Formats the next events of the batch, as many as fit. */
  function nextChunk(): string {
    const { text, count } = toChunk(batch, sent, format);
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
          onBatch(batch);
        }
        controller.enqueue(encoder.encode(nextChunk()));
        stallTimer = after(
          stallMs,
          () => {
            report('stream.dropped', { transport: 'sse' });
            end();
            controller.error(new Error(`The client read nothing for ${stallMs} ms.`));
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
  /** The number of events in it. */
  readonly count: number;
}

/** Batches that fit into one chunk, which is usual for a running run. Clients share them. */
const whole = new WeakMap<readonly unknown[], Chunk>();

function toChunk<T>(batch: readonly T[], from: number, format: (item: T) => string): Chunk {
  if (batch.length === 0) return { text: ': still here\n\n', count: 0 };
  const known = whole.get(batch);
  if (known !== undefined && from === 0) return known;
  let text = '';
  let next = from;
  while (next < batch.length && text.length < CHUNK_CHARACTERS) text += format(batch[next++]!);
  const chunk = { text, count: next - from };
  if (chunk.count === batch.length) whole.set(batch, chunk);
  return chunk;
}
