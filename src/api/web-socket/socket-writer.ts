import type { WebSocket } from 'ws';
import { report } from '../../core/process-events.ts';
import { repeat } from '../../core/timers.ts';
import { closeSoon } from './close-soon.ts';
import { CLOSE_CODES, type StreamFrame } from './frames.ts';

/** Maximum number of buffered bytes before the next frame is created. */
const MAX_BUFFERED_BYTES = 131_072;

/** Sends frames one after the other, no faster than the client reads them. */
export interface SocketWriter {
  /** Resolves when more may be sent; false when the connection has closed. */
  send(frame: StreamFrame): Promise<boolean>;
  /** True when a frame waits to be sent. */
  readonly isBusy: boolean;
  stop(): void;
}

/** Writes to a client, and closes its connection when it reads no frame for `stallMs` while one waits. */
export function createSocketWriter(socket: WebSocket, { stallMs }: { stallMs: number }): SocketWriter {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  let takenAt = 0;

  async function write(frame: StreamFrame): Promise<boolean> {
    if (socket.readyState !== socket.OPEN) return false;
    if (waiting++ === 0) takenAt = performance.now();
    const taken = Promise.withResolvers<boolean>();
    socket.send(JSON.stringify(frame), (error) => {
      waiting--;
      takenAt = performance.now();
      taken.resolve(!(error instanceof Error));
    });
    return socket.bufferedAmount <= MAX_BUFFERED_BYTES ? true : taken.promise;
  }

  const timer = repeat(stallMs / 4, () => {
    if (waiting === 0 || performance.now() - takenAt < stallMs || socket.readyState !== socket.OPEN) return;
    report('stream.dropped', { transport: 'websocket' });
    closeSoon(socket, { code: CLOSE_CODES.tooSlow, reason: 'The client does not read; reconnect.' });
  });

  return {
    // In order: otherwise all waiting senders would send at once when there is room for one frame.
    send(frame) {
      const sending = last.then(() => write(frame));
      last = sending;
      return sending;
    },
    get isBusy() {
      return waiting > 0;
    },
    stop: () => clearInterval(timer),
  };
}
