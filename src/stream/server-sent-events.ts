import { inBackground } from '../core/guard.ts';
import { report } from '../core/process-events.ts';
import { after } from '../core/timers.ts';
import { toChunk } from './chunks.ts';
import type { CursorEvent, CursorEvents } from './cursor-events.ts';
import { createLagReport } from './lag-report.ts';
import { READER_STALL_MS } from './timing.ts';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  // Otherwise nginx buffers a stream into blocks.
  'x-accel-buffering': 'no',
};

const RETRY = Buffer.from('retry: 1000\n\n');

interface EventStreamOptions {
  /** Called when the stream ends: the client has disconnected or does not read, or there are no more events. */
  readonly onOver: () => void;
  readonly onError: (error: unknown) => void;
  /** Defaults to `READER_STALL_MS`. Applies where the body of the response is read, not where `takeFrames` took it. */
  readonly stallMs?: number;
}

/**
 * Creates a response that streams batches of events (WHATWG HTML, 9.2): `id` is the cursor, `event` the type, `data`
 * the event as JSON; an `id` alone sets the cursor without an event. The source is read only as fast as the client
 * reads, so a slow client delays no other client and costs no more than a batch. A client that disconnects, or reads
 * nothing for `stallMs`, ends the source, after `onOver`. When the source fails, `onError` is called and the stream
 * ends; its client reconnects for the rest.
 */
export function toEventStream(source: CursorEvents, options: EventStreamOptions): Response {
  return toFrameStream(source, { ...options, toFrame, onBatch: createLagReport('sse') });
}

function toFrame({ cursor, event }: CursorEvent): string {
  if (event === null) return `id: ${cursor}\n\n`;
  return `id: ${cursor}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
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
  { stallMs = READER_STALL_MS, ...options }: FrameStreamOptions<T>,
): Response {
  const frames = createFrames(source, options);
  let stallTimer: NodeJS.Timeout | undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new Uint8Array(frames.first));
    },
    async pull(controller) {
      clearTimeout(stallTimer);
      const bytes = await frames.next();
      if (bytes === null) return frames.wasLeft ? undefined : controller.close();
      // A copy: the reader of a body may take its memory away.
      controller.enqueue(new Uint8Array(bytes));
      stallTimer = after(
        stallMs,
        () => {
          frames.drop();
          controller.error(new Error(`The client read nothing for ${stallMs} ms.`));
        },
        options.onError,
      );
    },
    cancel() {
      clearTimeout(stallTimer);
      frames.leave();
    },
  });
  framesOf.set(body, frames);
  return new Response(body, { headers: HEADERS });
}

/** The frames of bodies that nobody has begun to read. */
const framesOf = new WeakMap<object, Frames>();

/**
 * Takes the frames of a response out of it, for a server that writes them to its client itself; null when the response
 * has none. A web stream costs several times as much as the writing. The body must not be read then.
 */
export function takeFrames({ body }: Response): Frames | null {
  return (body && framesOf.get(body)) ?? null;
}

/** The frames of a stream to one client, as bytes that other clients may get too. */
export interface Frames {
  /** The bytes that come before any frame. */
  readonly first: Uint8Array;
  /** Reads on once the client has taken what came before. Null: the stream is over. Never rejects. */
  next(): Promise<Uint8Array | null>;
  /** Ends the stream, because its client has left. */
  leave(): void;
  /** Ends the stream, because its client does not read. */
  drop(): void;
  /** True when the stream ended with `leave` or `drop`. */
  readonly wasLeft: boolean;
}

function createFrames<T>(
  source: AsyncGenerator<readonly T[], void, void>,
  { onOver, onError, toFrame: format, onBatch = () => {} }: Omit<FrameStreamOptions<T>, 'stallMs'>,
): Frames {
  let isOver = false;
  let wasLeft = false;
  let batch: readonly T[] = [];
  let sent = 0;
  report('stream.opened', { transport: 'sse' });

  function end(): void {
    if (isOver) return;
    isOver = true;
    report('stream.closed', { transport: 'sse' });
    batch = [];
    onOver();
    // A source that is not being read cannot see the end. A pending read ends first, with the signal of `onOver`.
    inBackground(() => source.return(), onError);
  }

  function leave(): void {
    wasLeft ||= !isOver;
    end();
  }

  return {
    first: RETRY,
    async next() {
      if (isOver) return null;
      try {
        if (sent === batch.length) {
          const { done, value } = await source.next();
          if (isOver) return null;
          if (done) {
            end();
            return null;
          }
          [batch, sent] = [value, 0];
          onBatch(batch);
        }
        const { bytes, count } = toChunk(batch, sent, format);
        sent += count;
        return bytes;
      } catch (error) {
        if (!isOver) {
          end();
          onError(error);
        }
        return null;
      }
    },
    leave,
    drop() {
      if (!isOver) report('stream.dropped', { transport: 'sse' });
      leave();
    },
    get wasLeft() {
      return wasLeft;
    },
  };
}
