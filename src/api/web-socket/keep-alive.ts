import type { WebSocket } from 'ws';
import { guarded } from '../../core/guard.ts';
import { repeat } from '../../core/timers.ts';

/** Milliseconds between pings. A client that is silent for two pings is considered gone. */
const PING_EVERY_MS = 15_000;

/**
 * Pings a client at intervals, and terminates its connection when it does not answer. While unread frames are buffered,
 * a ping would wait behind them, so the writer decides instead. Returns a function that stops the pings.
 */
export function keepAlive(
  socket: WebSocket,
  { isBusy, everyMs = PING_EVERY_MS }: { isBusy: () => boolean; everyMs?: number },
): () => void {
  let silentPings = 0;
  const onSign = guarded(() => {
    silentPings = 0;
  });
  const onPing = guarded((data: Buffer) => {
    onSign();
    // A client that pings without reading gets no answer, because answers would pile up.
    if (socket.readyState === socket.OPEN && socket.bufferedAmount === 0) socket.pong(data);
  });
  socket.on('pong', onSign);
  socket.on('message', onSign);
  socket.on('ping', onPing);
  const timer = repeat(everyMs, () => {
    if (isBusy()) return;
    if (silentPings >= 2) return socket.terminate();
    silentPings++;
    if (socket.readyState === socket.OPEN) socket.ping();
  });
  return () => clearInterval(timer);
}
