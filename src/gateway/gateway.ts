import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { atMostEvery } from '../core/at-most-every.ts';
import { toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import { mergePrices, type PriceOverrides } from '../core/pricing.ts';
import { CONNECTION_LIMITS, createConnections, type ConnectionLimits } from './connections.ts';
import { createUpstreamClient } from './create-upstream-client.ts';
import { findEndpoint } from './endpoint.ts';
import { exchange, type ExchangeContext } from './exchange.ts';
import { NO_LOG, type GatewayLog } from './gateway-log.ts';
import { toWatchedGovernor, type Governor } from './governor.ts';
import { readToken } from './headers.ts';
import type { GatewayLane } from './lane.ts';
import { createLanes } from './lanes.ts';
import type { AttemptPass } from './pass.ts';
import { toProviderModel } from './provider-model.ts';
import { refuse, REFUSALS } from './refusal.ts';
import { takeSpans, TRACES_PATH } from './take-spans.ts';
import { toUpstreamFacts, type Upstream } from './upstream.ts';

export type { Governor } from './governor.ts';
export type { GatewayLane } from './lane.ts';
export type { GatewayPass } from './pass.ts';

/** The loopback Messages API of one worker: every model call of its attempts passes through it. */
export interface Gateway {
  /** For an attempt's `ANTHROPIC_BASE_URL`: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Opens a lane for a process, which may start before its attempt and outlive it. */
  openLane(): GatewayLane;
  /** Takes over a connection from a sandbox, as if it had come to `url`. */
  accept(socket: Socket): void;
  /** Closes every lane and pass and stops listening, immediately. */
  close(): Promise<void>;
}

/** A provider of the gateway. */
export interface GatewayProvider {
  readonly upstream: Upstream;
  /** Receives this provider's limits, and says which of them apply. Defaults to none. */
  readonly governor?: Governor;
  /** Prices of its models, which take precedence over those of `GatewayOptions`. Defaults to none. */
  readonly prices?: PriceOverrides;
}

interface GatewayOptions {
  /** Providers by name; a pass that names none uses `default`. */
  readonly providers: ReadonlyMap<string, GatewayProvider>;
  /** Milliseconds that the provider may be silent within a streamed request before the request is cut. */
  readonly silenceMs: number;
  /** Defaults to none. */
  readonly log?: GatewayLog;
  /** Prices that replace the known ones, for the meter and for ceilings. Defaults to none. */
  readonly prices?: PriceOverrides;
  /**
   * Maximum number of milliseconds that a call continues, to learn its cost, after the agent's process has hung up on
   * it. Defaults to 10,000.
   */
  readonly lingerMs?: number;
  /** Milliseconds within which the body of a request must arrive. Defaults to 30,000. */
  readonly bodyTimeoutMs?: number;
  /** Maximum numbers of connections. Defaults to `CONNECTION_LIMITS`. */
  readonly connectionLimits?: ConnectionLimits;
}

/** Longer than Claude Code ever pauses between two calls: a connection that it reuses must not be closing. */
const KEEP_ALIVE_MS = 15 * 60_000;

/** A prompt of a million tokens takes longer to be read; then its highest possible cost is charged. */
const LINGER_MS = 10_000;

/** The sender is on the same machine: 64 MB take a fraction of a second, unless it sends slowly on purpose. */
const BODY_TIMEOUT_MS = 30_000;

/** Starts a gateway on a free port of 127.0.0.1. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { providers, prices = {}, log = NO_LOG } = options;
  const contexts = new Map([...providers].map(([name, provider]) => [name, toContext(provider, options)]));
  const pricesByProvider = new Map(
    [...providers].map(([name, provider]) => [name, mergePrices(prices, provider.prices ?? {})]),
  );
  const connections = createConnections(options.connectionLimits ?? CONNECTION_LIMITS);
  const lanes = createLanes({
    pricesOf: (provider) => pricesByProvider.get(provider) ?? prices,
    onClose: (lane) => connections.endOf(lane),
    log,
  });

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const lane = lanes.find(readToken(request.headers) ?? '');
    if (lane === null) return refuse(response, REFUSALS.badToken, { isLast: true });
    if (!connections.give(request.socket, lane)) return refuse(response, REFUSALS.tooManyConnections, { isLast: true });
    // Read once, at the beginning: the call belongs to this attempt until its end, even if the lane then has another
    // pass.
    const { pass } = lane;
    if (pass === null) return refuse(response, REFUSALS.badToken);
    const context = contexts.get(pass.provider);
    if (context !== undefined) return serve({ context, request, response, pass });
    log.error({ ...pass.logFacts, provider: pass.provider }, 'A pass named a provider that the gateway does not have.');
    refuse(response, REFUSALS.unknownProvider);
  }

  const server = await startServer({ take, onConnection: (socket) => connections.enter(socket), log });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    openLane: lanes.openLane,
    accept(socket) {
      server.emit('connection', socket);
    },
    async close() {
      lanes.closeAll();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const context of contexts.values()) context.upstream.close();
      await closed;
    },
  };
}

/** Returns what every exchange with a provider shares. */
function toContext({ upstream, governor }: GatewayProvider, options: GatewayOptions): ExchangeContext {
  const { silenceMs, lingerMs = LINGER_MS, bodyTimeoutMs = BODY_TIMEOUT_MS, log = NO_LOG } = options;
  return {
    upstream: createUpstreamClient(upstream, log),
    upstreamFacts: toUpstreamFacts(upstream),
    governor: toWatchedGovernor(governor, log),
    askedModelOf: (model) => toProviderModel(model, upstream.models ?? {}),
    silenceMs,
    lingerMs,
    bodyTimeoutMs,
    log,
  };
}

interface ServerOptions {
  readonly take: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly onConnection: (socket: Socket) => void;
  readonly log: GatewayLog;
}

async function startServer({ take, onConnection, log }: ServerOptions): Promise<Server> {
  const onRequest = guarded((request: IncomingMessage, response: ServerResponse) =>
    take(request, response).catch((error: unknown) => {
      log.error({ cause: toMessage(error) }, 'A request failed in the gateway.');
      response.destroy();
    }),
  );
  const server = createServer(onRequest);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.on('connection', guarded(onConnection));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // For example when no file descriptor is free for a new connection: open connections continue.
  const sayAcceptFailed = atMostEvery(10_000, (error: Error) =>
    log.error({ cause: toMessage(error) }, 'The gateway could not accept a connection.'),
  );
  server.on('error', guarded(sayAcceptFailed));
  return server;
}

interface ServeOptions {
  readonly context: ExchangeContext;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly pass: AttemptPass;
}

async function serve({ context, request, response, pass }: ServeOptions): Promise<void> {
  if (request.method === 'POST' && request.url === TRACES_PATH) return takeSpans({ request, response, pass });
  const endpoint = findEndpoint(request.method ?? '', request.url ?? '');
  if (endpoint === null) {
    // The path alone, shortened: a query may contain anything.
    const path = (request.url ?? '').split('?', 1)[0]?.slice(0, 100);
    context.log.warn(
      { ...pass.logFacts, method: request.method, path },
      'The gateway rejected a request for an unsupported path.',
    );
    return refuse(response, REFUSALS.notFound);
  }
  await exchange({ context, request, response, endpoint, pass });
}
