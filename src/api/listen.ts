import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { serve, type HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { atMostEvery } from '../core/at-most-every.ts';
import { LonghaulError } from '../core/errors.ts';
import { guarded, inBackground } from '../core/guard.ts';
import { takeFrames } from '../stream/server-sent-events.ts';
import { CONNECTION_STALL_MS } from '../stream/timing.ts';
import { writeFrames } from '../stream/write-frames.ts';
import { linger } from './linger.ts';
import { findMaxConnections } from './max-connections.ts';
import { refuseConnection } from './refuse-connection.ts';

interface ListenOptions {
  readonly fetch: (request: Request, bindings: HttpBindings) => Response | Promise<Response>;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** The variable that sets the port, for the error when it is taken. Defaults to `LONGHAUL_PORT`. */
  readonly variable?: string;
  /**
   * Defaults to `LIMITS`. `maxConnections`: open connections, null for any number; defaults to `findMaxConnections`.
   */
  readonly limits?: Partial<typeof LIMITS & { readonly maxConnections: number | null }>;
  /** Receives warnings about connections that cannot be accepted, each at most once a minute. Defaults to none. */
  readonly onWarning?: (facts: object, message: string) => void;
  /** Handles upgrade requests. Without it, they are handled like any other request. */
  readonly sockets?: {
    handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
    closeSockets(): Promise<void>;
  };
}

/** Limits for requests. No legitimate client sends such slow or large requests. */
const LIMITS = {
  /** Milliseconds for the headers to arrive. */
  headersTimeoutMs: 10_000,
  /** Milliseconds for the whole request to arrive. The response has no time limit, because streams last. */
  requestTimeoutMs: 30_000,
  /** Maximum size of URL and headers together. */
  maxHeaderBytes: 16_384,
  /** Maximum bytes of a rejected request to read, so that its client reads the response. */
  maxUnreadBytes: 67_108_864,
  /** Maximum time to read them. */
  maxUnreadMs: 10_000,
  /** Milliseconds for the next request on an idle connection. Load balancers keep theirs for 60 s by default. */
  keepAliveMs: 75_000,
  /**
   * Milliseconds that a connection may transport nothing between the beginning and the end of a response: its client has
   * stopped reading, or is gone. The heartbeat of streams comes every 5 seconds.
   */
  streamStallMs: CONNECTION_STALL_MS,
};

/** Milliseconds between warnings about connections that cannot be accepted. */
const SAY_EVERY_MS = 60_000;

/** A server that is listening. */
export interface Listening {
  readonly url: string;
  /** Announces the end: responses close their connection, so that clients send their next request to another server. */
  announceEnd(): void;
  /** Accepts no more requests and ends the open ones, including streams. */
  close(): Promise<void>;
}

/**
 * Serves a `fetch` handler over HTTP.
 * @throws {LonghaulError} `port_in_use` when the port is taken.
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { fetch, host, port, variable = 'LONGHAUL_PORT', sockets, onWarning = () => {} } = options;
  const {
    headersTimeoutMs,
    requestTimeoutMs,
    maxHeaderBytes,
    keepAliveMs,
    streamStallMs,
    maxConnections,
    ...lingerLimits
  } = {
    ...LIMITS,
    maxConnections: findMaxConnections(),
    ...options.limits,
  };
  const serverOptions = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    maxHeaderSize: maxHeaderBytes,
    keepAliveTimeout: keepAliveMs,
    // The interval of the checks for late requests.
    connectionsCheckingInterval: Math.min(5_000, headersTimeoutMs / 2),
  };
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const answer = async (request: Request, env: unknown) => {
    const bindings = env as HttpBindings;
    try {
      return await fetch(request, bindings);
    } finally {
      const { outgoing } = bindings;
      // Only from here on: a request that waits for events sends nothing until they come.
      outgoing.setTimeout(streamStallMs, () => outgoing.destroy());
      await linger(bindings, lingerLimits);
    }
  };
  const server = serve({ fetch: sendingStreams(answer), hostname: host, port, serverOptions }, (info) =>
    resolve(info.port),
  ) as Server;
  if (maxConnections !== null) server.maxConnections = maxConnections;
  let isEnding = false;
  const onRequest = guarded((_: IncomingMessage, response: ServerResponse) => {
    if (isEnding) response.shouldKeepAlive = false;
  });
  const sayLost = atMostEvery(SAY_EVERY_MS, (error: Error) =>
    onWarning({ err: error }, 'a connection to the API could not be accepted'),
  );
  const onError = guarded((error: NodeJS.ErrnoException) => {
    reject(toListenError(error, { host, port, variable }));
    sayLost(error);
  });
  const onDrop = guarded(
    atMostEvery(SAY_EVERY_MS, () =>
      onWarning({ maxConnections }, 'connections to the API are rejected: the maximum number is open'),
    ),
  );
  server.on('clientError', guarded(refuseConnection));
  // Before other listeners, which may respond at once.
  server.prependListener('request', onRequest);
  const onUpgrade = guarded((request: IncomingMessage, socket: Duplex, head: Buffer) =>
    sockets?.handleUpgrade(request, socket, head),
  );
  if (sockets !== undefined) server.on('upgrade', onUpgrade);
  // Registered as long as the server listens: a connection that cannot be accepted is an error of the server, but must
  // not end it.
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

/** Lets responses that are streams of frames be sent without their web streams. */
function sendingStreams(answer: (request: Request, env: unknown) => Promise<Response>): typeof answer {
  return async (request, env) => {
    const response = await answer(request, env);
    const frames = takeFrames(response);
    if (frames === null) return response;
    const { outgoing } = env as HttpBindings;
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    inBackground(() => writeFrames(outgoing, frames));
    return RESPONSE_ALREADY_SENT;
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly variable: string;
}

function toListenError(cause: NodeJS.ErrnoException, { host, port, variable }: Place): Error {
  if (cause.code !== 'EADDRINUSE') return cause;
  return new LonghaulError('port_in_use', {
    message: `Port ${port} on ${host} is in use: stop the process that listens there, or set ${variable}.`,
    cause,
  });
}
