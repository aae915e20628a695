import type { ServerResponse } from 'node:http';
import { guarded } from '../core/guard.ts';
import { after } from '../core/timers.ts';
import type { Frames } from './server-sent-events.ts';
import { READER_STALL_MS } from './timing.ts';

interface WriteOptions {
  /** Milliseconds in which the client must take each chunk. Defaults to `READER_STALL_MS`. */
  readonly stallMs?: number;
}

/**
 * Writes a stream to its client as fast as the client reads, and ends the response with it. A connection that is closed
 * ends the stream. When the client leaves a part of a chunk for `stallMs`, it is dropped: its connection is closed. When
 * the timeout of the connection passes, the client counts as dropped too, and the caller, which set it, closes it.
 */
export async function writeFrames(
  outgoing: ServerResponse,
  frames: Frames,
  { stallMs = READER_STALL_MS }: WriteOptions = {},
): Promise<void> {
  // Every write to a connection that was closed meanwhile reports an error.
  const leave = guarded(() => frames.leave());
  outgoing.on('close', leave).on('error', leave);
  const onTimeout = guarded(() => frames.drop());
  outgoing.prependListener('timeout', onTimeout);
  if (outgoing.destroyed) leave();
  for (let bytes: Uint8Array | null = frames.first; bytes !== null; bytes = await frames.next()) {
    if (outgoing.destroyed) return;
    if (await isTaken(outgoing, { bytes, stallMs })) continue;
    frames.drop();
    outgoing.destroy();
    return;
  }
  outgoing.end();
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly stallMs: number;
}

/**
 * Writes a chunk. Waits until the client has taken all of it, or the connection is closed; returns false when neither
 * happens within `stallMs`.
 */
async function isTaken(outgoing: ServerResponse, { bytes, stallMs }: Chunk): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onTaken = guarded(() => resolve(true));
  const timer = after(stallMs, () => resolve(false));
  outgoing.on('close', onTaken);
  outgoing.write(bytes, onTaken);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    outgoing.off('close', onTaken);
  }
}
