import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { guarded } from '../core/guard.ts';
import { after } from '../core/timers.ts';

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** Limits for reading the rest of a request that was answered before it had arrived completely. */
export interface LingerLimits {
  readonly maxUnreadBytes: number;
  readonly maxUnreadMs: number;
}

/**
 * Lets a client that is still sending its request read the response. Call it before the response headers are written.
 *
 * A connection that is closed with unread bytes is reset, and a client that sees the reset while it sends never reads
 * the response (RFC 9112, 9.6). So the response announces that the connection closes, and the rest of the request is
 * first read and discarded, within the limits.
 */
export async function linger({ incoming, outgoing }: Exchange, limits: LingerLimits): Promise<void> {
  // A body that arrived together with the headers is parsed after them.
  if (!incoming.complete) await nextTurn();
  if (incoming.complete || incoming.destroyed || outgoing.headersSent) return;
  const { socket } = incoming;
  outgoing.setHeader('connection', 'close');

  let unreadBytes = 0;
  const close = () => socket.destroy();
  const closeWhenDone = guarded(() => {
    if (incoming.readableEnded && socket.writableFinished) close();
  });
  const timer = after(limits.maxUnreadMs, close);
  socket.once('close', () => clearTimeout(timer)).once('finish', closeWhenDone);
  // Node calls this to end a connection after the last response, and would not wait for the rest of the request.
  socket.destroySoon = () => {
    if (!socket.writableEnded) socket.end();
  };

  // A reader that has started to read the body and stopped would block it.
  incoming.removeAllListeners('data');
  const onData = guarded(({ length }: Buffer) => {
    unreadBytes += length;
    if (unreadBytes > limits.maxUnreadBytes && socket.writableFinished) close();
  });
  incoming.on('data', onData);
  incoming.once('end', closeWhenDone);
  incoming.resume();
}
