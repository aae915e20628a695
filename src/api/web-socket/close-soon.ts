import type { WebSocket } from 'ws';
import { after } from '../../core/timers.ts';

/** Milliseconds that a peer has to confirm the close. */
const ANSWER_MS = 1_000;

/** Closes a connection with a reason, and terminates it if the peer does not respond. */
export function closeSoon(socket: WebSocket, { code, reason }: { code: number; reason: string }): void {
  socket.close(code, reason);
  const timer = after(ANSWER_MS, () => socket.terminate());
  socket.once('close', () => clearTimeout(timer));
}
