import type { WebSocket } from 'ws';
import { repeat } from '../../core/timers.ts';
import { closeSoon } from './close-soon.ts';
import { CLOSE_CODES, type StreamFrame } from './frames.ts';

/** What may wait for a reader before the next frame is made. */
const MAX_BUFFERED_BYTES = 131_072;

/** Sends frames one after the other, no faster than they are taken. */
export interface SocketWriter {
  /** Resolves when more may be sent; false when the connection is over. */
  send(frame: StreamFrame): Promise<boolean>;
  /** Whether anything waits to be taken. */
  readonly isBusy: boolean;
  stop(): void;
}

/** Writes to a reader, and ends its connection when it takes not one frame for `stallMs` while one waits. */
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
    closeSoon(socket, { code: CLOSE_CODES.tooSlow, reason: 'The reader takes nothing; come again.' });
  });

  return {
    // In turn: else all who wait would send at once when there is room for one.
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
