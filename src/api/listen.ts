import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { serve, type HttpBindings } from '@hono/node-server';
import { atMostEvery } from '../core/at-most-every.ts';
import { LonghaulError } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import { linger } from './linger.ts';
import { findMaxConnections } from './max-connections.ts';
import { refuseConnection } from './refuse-connection.ts';

interface ListenOptions {
  readonly fetch: (request: Request, bindings: HttpBindings) => Response | Promise<Response>;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** Defaults to what follows. `maxConnections`: open at once, null for any number; defaults to `findMaxConnections`. */
  readonly limits?: Partial<typeof LIMITS & { readonly maxConnections: number | null }>;
  /** Told of what keeps connections from being taken, at most once a minute each. Defaults to nobody. */
  readonly onWarning?: (facts: object, message: string) => void;
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
  /** For the reader of a stream to take any of what it was sent. It can resume. */
  streamStallMs: 20_000,
};

/** How often it is said that connections cannot be taken. */
const SAY_EVERY_MS = 60_000;

/** A server that is listening. */
export interface Listening {
  readonly url: string;
  /** It ends soon: answers say that their connection closes, so that who keeps one goes elsewhere with the next request. */
  announceEnd(): void;
  /** Takes no more requests and ends the open ones, streams included. */
  close(): Promise<void>;
}

/**
 * Serves a `fetch` handler over HTTP.
 * @throws {LonghaulError} `port_in_use` when the port is taken.
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { fetch, host, port, sockets, onWarning = () => {} } = options;
  const { headersTimeoutMs, requestTimeoutMs, maxHeaderBytes, streamStallMs, maxConnections, ...lingerLimits } = {
    ...LIMITS,
    maxConnections: findMaxConnections(),
    ...options.limits,
  };
  const serverOptions = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    maxHeaderSize: maxHeaderBytes,
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
  if (maxConnections !== null) server.maxConnections = maxConnections;
  let isEnding = false;
  const onRequest = guarded(({ headers }: IncomingMessage, response: ServerResponse) => {
    if (isEnding) response.shouldKeepAlive = false;
    // Counts from the last byte that went out, and streams give a sign of life every 5 seconds.
    if (headers.accept?.includes('text/event-stream')) response.setTimeout(streamStallMs, () => response.destroy());
  });
  const sayLost = atMostEvery(SAY_EVERY_MS, (error: Error) =>
    onWarning({ err: error }, 'a connection to the API could not be taken'),
  );
  const onError = guarded((error: NodeJS.ErrnoException) => {
    reject(toListenError(error, { host, port }));
    sayLost(error);
  });
  const onDrop = guarded(
    atMostEvery(SAY_EVERY_MS, () =>
      onWarning({ maxConnections }, 'connections to the API are refused: as many are open as this process may have'),
    ),
  );
  server.on('clientError', guarded(refuseConnection));
  // Before it is answered, which may be at once.
  server.prependListener('request', onRequest);
  const onUpgrade = guarded((request: IncomingMessage, socket: Duplex, head: Buffer) =>
    sockets?.handleUpgrade(request, socket, head),
  );
  if (sockets !== undefined) server.on('upgrade', onUpgrade);
  // Heard for as long as it listens: a connection that cannot be taken is an error of the server's, and no reason to end.
  server.on('error', onError);
  server.on('drop', onDrop);
  const actualPort = await promise;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${actualPort}`,
    announceEnd() {
      isEnding = true;
    },
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

function toListenError(cause: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): Error {
  if (cause.code !== 'EADDRINUSE') return cause;
  return new LonghaulError('port_in_use', {
    message: `Port ${port} on ${host} is taken: stop what listens there, or set LONGHAUL_PORT.`,
    cause,
  });
}
