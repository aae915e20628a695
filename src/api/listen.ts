import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { serve, type HttpBindings } from '@hono/node-server';
import { LonghaulError } from '../core/errors.ts';
import { linger } from './linger.ts';
import { refuseConnection } from './refuse-connection.ts';

interface ListenOptions {
  readonly fetch: (request: Request, bindings: HttpBindings) => Response | Promise<Response>;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Defaults to what follows. */
  readonly limits?: Partial<typeof LIMITS>;
  /** What takes over requests that ask to go on as a WebSocket. Without it they are answered as any other. */
  readonly sockets?: {
    handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
    closeSockets(): Promise<void>;
  };
}

/** What a request may take before it is answered: so slow or large a one is not one of a client of ours. */
const LIMITS = {
  /** For the headers to arrive. */
  headersTimeoutMs: 10_000,
  /** For all of the request to arrive. How long the answer takes is not limited: streams last. */
  requestTimeoutMs: 30_000,
  /** For address and headers together. */
  maxHeaderBytes: 16_384,
  /** Of a request that was refused before all of it had come, to be read so that its client reads the answer. */
  maxUnreadBytes: 67_108_864,
  /** For that. */
  maxUnreadMs: 10_000,
  /** For the next request to come over a connection that is kept. Load balancers keep theirs for 60 s by default. */
  keepAliveMs: 75_000,
  /** For the reader of a stream to take any of what it was sent. It can resume. */
  streamStallMs: 20_000,
};

/** A server that is listening. */
export interface Listening {
  readonly url: string;
  /** Takes no more requests and ends the open ones, streams included. */
  close(): Promise<void>;
}

/**
 * Serves a `fetch` handler over HTTP.
 * @throws {LonghaulError} `port_in_use` when the port is taken.
 */
export async function listen({ fetch, host, port, limits, sockets }: ListenOptions): Promise<Listening> {
  const { headersTimeoutMs, requestTimeoutMs, maxHeaderBytes, keepAliveMs, streamStallMs, ...lingerLimits } = {
    ...LIMITS,
    ...limits,
  };
  const serverOptions = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: keepAliveMs,
    // How often it looks for those that are late.
    connectionsCheckingInterval: Math.min(5_000, headersTimeoutMs / 2),
  };
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const answer = async (request: Request, env: unknown) => {
    const bindings = env as HttpBindings;
    try {
      return await fetch(request, bindings);
    } finally {
      await linger(bindings, lingerLimits);
    }
  };
  const server = serve({ fetch: answer, hostname: host, port, serverOptions }, (info) => resolve(info.port)) as Server;
  server.on('clientError', refuseConnection);
  server.on('request', ({ headers }: IncomingMessage, response: ServerResponse) => {
    // Counts from the last byte that went out, and streams give a sign of life every 5 seconds.
    if (headers.accept?.includes('text/event-stream')) response.setTimeout(streamStallMs, () => response.destroy());
  });
  if (sockets !== undefined) {
    server.on('upgrade', (request, socket, head) => sockets.handleUpgrade(request, socket, head));
  }
  server.once('error', (cause: NodeJS.ErrnoException) => {
    const isTaken = cause.code === 'EADDRINUSE';
    reject(
      isTaken
        ? new LonghaulError('port_in_use', {
            message: `Port ${port} on ${host} is taken: stop what listens there, or set LONGHAUL_PORT.`,
            cause,
          })
        : cause,
    );
  });
  const actualPort = await promise;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${actualPort}`,
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await sockets?.closeSockets();
      await closed;
    },
  };
}
