import type { ServerResponse } from 'node:http';
import { guarded } from '../core/guard.ts';
import type { Frames } from './server-sent-events.ts';

/**
 * Writes a stream to its client as fast as the client reads, and ends the response with it. A connection that is closed
 * ends the stream; one whose timeout passes is left to the caller, which set the timeout, and counts as dropped.
 */
export async function writeFrames(outgoing: ServerResponse, frames: Frames): Promise<void> {
  // Every write to a connection that was closed meanwhile reports an error.
  const leave = guarded(() => frames.leave());
  outgoing.on('close', leave).on('error', leave);
  const onTimeout = guarded(() => frames.drop());
  outgoing.prependListener('timeout', onTimeout);
  if (outgoing.destroyed) leave();
  for (let bytes: Uint8Array | null = frames.first; bytes !== null; bytes = await frames.next()) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(bytes)) await untilTaken(outgoing);
  }
  outgoing.end();
}

/** Waits until the client has taken what was written, or the connection is closed. */
function untilTaken(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const onTaken = guarded(() => {
      outgoing.off('drain', onTaken).off('close', onTaken);
      resolve();
    });
    outgoing.on('drain', onTaken).on('close', onTaken);
  });
}
