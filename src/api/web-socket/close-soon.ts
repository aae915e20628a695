import type { WebSocket } from 'ws';
import { after } from '../../core/timers.ts';

/** How long a peer has to answer that it was told to close. */
const ANSWER_MS = 1_000;

/** Ends a connection with a reason, whether or not its peer takes any notice. */
export function closeSoon(socket: WebSocket, { code, reason }: { code: number; reason: string }): void {
  socket.close(code, reason);
  const timer = after(ANSWER_MS, () => socket.terminate());
  socket.once('close', () => clearTimeout(timer));
}
