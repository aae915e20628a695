import { createServer, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Starts a real HTTP server that keeps what is posted to it, and answers with `status`. */
export async function startReceiver() {
  const received: Received[] = [];
  const state: { status: number; onReceived: (one: Received) => void } = { status: 204, onReceived: () => {} };
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const one = { path: request.url ?? '', headers: request.headers, body };
      received.push(one);
      state.onReceived(one);
      // 0: never answers.
      if (state.status !== 0) response.writeHead(state.status, { location: '/elsewhere' }).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    state,
    /** Returns the received messages, such as `opened daily_cost`, in order. */
    told: () =>
      received.map(({ body }) => {
        const { type, data } = JSON.parse(body) as { type: string; data: { key: string } };
        return `${type.replace('alert.', '')} ${data.key}`;
      }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;
