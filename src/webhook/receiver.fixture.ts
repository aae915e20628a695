import {
  createServer as createHttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** Only for this test: self-signed, for `hooks.example.com`, `localhost` and 127.0.0.1, until 2120. */
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQguE/owOP1LAZToIeo
RpagHXU3xyBwDtUjM84+Tis3GfqhRANCAAThvTh6QV7kHccyBuIPS7eAVtAH/1zw
CaaQevmNoPOLGwLdcv/L/2hlalRpNAey2UhZ7+GrHw44EL8Rfv6+rn5Z
-----END PRIVATE KEY-----
`;
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBijCCATCgAwIBAgIBATAKBggqhkjOPQQDAjAcMRowGAYDVQQDDBFob29rcy5l
eGFtcGxlLmNvbTAgFw0yMDAxMDEwMDAwMDBaGA8yMTIwMDEwMTAwMDAwMFowHDEa
MBgGA1UEAwwRaG9va3MuZXhhbXBsZS5jb20wWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAAThvTh6QV7kHccyBuIPS7eAVtAH/1zwCaaQevmNoPOLGwLdcv/L/2hlalRp
NAey2UhZ7+GrHw44EL8Rfv6+rn5Zo2EwXzAPBgNVHRMBAf8EBTADAQH/MC0GA1Ud
EQQmMCSCEWhvb2tzLmV4YW1wbGUuY29tgglsb2NhbGhvc3SHBH8AAAEwHQYDVR0O
BBYEFMZPmeF8LnGFvpzOULAVuBnVrDbAMAoGCCqGSM49BAMCA0gAMEUCIQC0GT+l
/5MvLvIMTmzYH1jp/sc0A3ENyKGF+tX3uM8lDAIgGwSEViu3mwmXzlv6AdSqZTfX
ramWrWWSMYKzHMf+PJw=
-----END CERTIFICATE-----
`;

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Answer = (response: ServerResponse, received: Received) => void;

/** Starts a real server that keeps the requests it receives and answers as `state.answer` does: 204 by default. */
export async function startReceiver({ isSecure = false }: { isSecure?: boolean } = {}) {
  const received: Received[] = [];
  const state: { answer: Answer } = { answer: (response) => response.writeHead(204).end() };
  const waiting = new Set<() => void>();
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    void text(request).then((body) => {
      const one = { path: request.url ?? '', headers: request.headers, body };
      received.push(one);
      state.answer(response, one);
      for (const resolve of waiting) resolve();
    });
  };
  const server = isSecure ? createHttpsServer({ key: KEY, cert: CERTIFICATE }, handle) : createHttpServer(handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${isSecure ? 'https' : 'http'}://127.0.0.1:${port}/hook`,
    received,
    state,
    /** Resolves when `count` requests in total have arrived. */
    async until(count: number) {
      while (received.length < count) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await promise;
        waiting.delete(resolve);
      }
      return received;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;
