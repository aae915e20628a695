import { once } from 'node:events';
import type { WebSocket } from 'ws';
import type { StreamFrame } from './web-socket/frames.ts';

/** The client end of a WebSocket, with the frames that it received. */
interface SocketReader {
  readonly frames: StreamFrame[];
  readonly closed: Promise<[number]>;
  /** Sends a text unchanged, anything else as JSON. */
  send(message: unknown): void;
  /** Resolves with the first frame for which `isIt` returns true. */
  until(isIt: (frame: StreamFrame) => boolean): Promise<StreamFrame>;
  /** The cursors of a subscription's events. */
  of(id: string): number[];
  close(): Promise<unknown>;
}

export async function openReader(socket: WebSocket): Promise<SocketReader> {
  const frames: StreamFrame[] = [];
  const changed = new Set<() => void>();
  const closed = once(socket, 'close') as Promise<[number]>;
  socket.on('message', (data: Buffer) => {
    frames.push(JSON.parse(data.toString()) as StreamFrame);
    for (const tell of changed) tell();
  });
  await once(socket, 'open');
  return {
    frames,
    closed,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    async until(isIt) {
      for (;;) {
        const found = frames.find(isIt);
        if (found !== undefined) return found;
        const { promise, resolve } = Promise.withResolvers<void>();
        changed.add(resolve);
        await promise;
        changed.delete(resolve);
      }
    },
    of: (id) => frames.flatMap((frame) => (frame.type === 'event' && frame.id === id ? [frame.cursor] : [])),
    close() {
      socket.close();
      return closed;
    },
  };
}

/** Returns the status with which a handshake was rejected. */
export async function refusal(socket: WebSocket): Promise<number | undefined> {
  const [, response] = (await once(socket, 'unexpected-response')) as [
    unknown,
    { statusCode?: number; resume(): void },
  ];
  response.resume();
  return response.statusCode;
}
