import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** Breaks the connection in the middle of an answer, after everything written so far was sent. */
export async function breakOff(response: ServerResponse): Promise<void> {
  const { socket } = response;
  const closed = once(response, 'close');
  // Destroying a socket discards data that it has not passed to the system yet.
  const flushed = new Promise<void>((resolve) => {
    if (socket === null || response.destroyed) resolve();
    else socket.write('', () => resolve());
  });
  await Promise.race([flushed, response.destroyed ? undefined : closed]);
  response.destroy();
}
