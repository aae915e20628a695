import type { WebSocket } from 'ws';
import { guarded } from '../../core/guard.ts';
import { repeat } from '../../core/timers.ts';

/** Twice this without a sign of life, and a reader is taken for gone. */
const PING_EVERY_MS = 15_000;

/**
 * Asks a reader now and then whether it is still there, and ends the connection of one that does not answer. While
 * frames wait to be taken the question would wait behind them: then it is its writer's to judge. Returns what ends it.
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
    // Who asks without reading is not answered: answers would pile up.
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
