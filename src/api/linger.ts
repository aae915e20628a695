import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { guarded } from '../core/guard.ts';
import { after } from '../core/timers.ts';

interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** How much of a request is still read that was answered before all of it was there. */
export interface LingerLimits {
  readonly maxUnreadBytes: number;
  readonly maxUnreadMs: number;
}

/**
 * Lets a client that is still sending its request read the answer. For before the answer's headers are written.
 *
 * A connection that is closed with bytes unread is reset, and a client that meets the reset while it sends never sees
 * what it was told (RFC 9112, 9.6). So the answer says that the connection closes, and what still comes is first read
 * and thrown away, as far as the limits go.
 */
export async function linger({ incoming, outgoing }: Exchange, limits: LingerLimits): Promise<void> {
  // What came together with the headers is looked at after them.
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
  // Node ends a connection with this when the last answer is out, and would not wait for what still comes.
  socket.destroySoon = () => {
    if (!socket.writableEnded) socket.end();
  };

  // Whoever began to read the body and stopped would hold it up.
  incoming.removeAllListeners('data');
  const onData = guarded(({ length }: Buffer) => {
    unreadBytes += length;
    if (unreadBytes > limits.maxUnreadBytes && socket.writableFinished) close();
  });
  incoming.on('data', onData);
  incoming.once('end', closeWhenDone);
  incoming.resume();
}
