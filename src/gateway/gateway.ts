import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { atMostEvery } from '../core/at-most-every.ts';
import { toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { PriceOverrides } from '../core/price-table.ts';
import type { Admit } from './admission.ts';
import { createByteBudget } from './byte-budget.ts';
import { CONNECTION_LIMITS, createConnections, type ConnectionLimits } from './connections.ts';
import { createUpstreamClient } from './create-upstream-client.ts';
import { findEndpoint } from './endpoint.ts';
import { exchange, type ExchangeContext } from './exchange.ts';
import { NO_LOG, type GatewayLog } from './gateway-log.ts';
import { toWatchedGovernor, type Governor } from './governor.ts';
import { readToken } from './headers.ts';
import { createLane, type GatewayLane, type OpenOptions, type ServedLane } from './lane.ts';
import type { AttemptPass, GatewayPass } from './pass.ts';
import { refuse, REFUSALS } from './refusal.ts';
import type { Upstream } from './upstream.ts';

export type { Governor, ProviderLimit } from './governor.ts';
export type { GatewayLane } from './lane.ts';
export type { GatewayPass } from './pass.ts';

/** The loopback Messages API of one worker: every model call of its attempts passes here, and nowhere else. */
export interface Gateway {
  /** For an attempt's `ANTHROPIC_BASE_URL`: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** A token for a process that is started before there is an attempt, or outlives one. */
  reserve(): GatewayLane;
  /** Lets an attempt in: until its pass is closed, requests with the pass's token are passed on. The token ends with it. */
  open(attempt: OpenOptions): GatewayPass;
  /** Closes every lane and pass and stops listening, at once. */
  close(): Promise<void>;
}

/** One of several providers. */
export interface GatewayProvider {
  readonly upstream: Upstream;
  /** Is told of this provider's limits, and says which of them hold. Defaults to none. */
  readonly governor?: Governor;
}

interface GatewayOptions extends Partial<GatewayProvider> {
  /** Providers by name; `upstream` is the one called `default`. Defaults to none. */
  readonly providers?: ReadonlyMap<string, GatewayProvider>;
  /** How long the provider may send nothing within a streamed request, in milliseconds, before it is cut off. */
  readonly silenceMs: number;
  /** Defaults to none. */
  readonly log?: GatewayLog;
  /** Decides on each model call before it is sent. Defaults to allowing all. */
  readonly admit?: Admit;
  /** Prices that replace the known ones, in the meter and for ceilings. Defaults to none. */
  readonly prices?: PriceOverrides;
  /** Connections at most. Defaults to `CONNECTION_LIMITS`. */
  readonly connectionLimits?: ConnectionLimits;
}

/** Longer than Claude Code ever thinks between two calls: a connection it reuses must not be closing under it. */
const KEEP_ALIVE_MS = 15 * 60_000;

/** What the bodies of all requests under way may hold together; four of the largest. */
const MAX_HELD_BYTES = 256 * 1024 * 1024;

/** Starts a gateway on a free port of 127.0.0.1. */
export async function createGateway(options: GatewayOptions): Promise<Gateway> {
  const { silenceMs, log = NO_LOG, admit, providers = new Map<string, GatewayProvider>(), prices = {} } = options;
  const toContext = ({ upstream, governor }: GatewayProvider): ExchangeContext => ({
    upstream: createUpstreamClient(upstream, log),
    admit: admit ?? (() => ({ allowed: true })),
    governor: toWatchedGovernor(governor, log),
    silenceMs,
    log,
  });
  const { upstream, governor } = options;
  const contexts = new Map([...providers].map(([name, provider]) => [name, toContext(provider)]));
  if (upstream !== undefined) contexts.set('default', toContext({ upstream, ...(governor && { governor }) }));
  // By hash: finding one takes the same time however much of a guess is right.
  const lanes = new Map<string, ServedLane>();
  const bodyBudget = createByteBudget(MAX_HELD_BYTES);
  const connections = createConnections(options.connectionLimits ?? CONNECTION_LIMITS);

  function reserve(): ServedLane {
    const lane = createLane({
      prices,
      bodyBudget,
      log,
      onClose() {
        lanes.delete(hash(lane.token));
        connections.endOf(lane);
      },
    });
    lanes.set(hash(lane.token), lane);
    return lane;
  }

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const lane = lanes.get(hash(readToken(request.headers) ?? '')) ?? null;
    if (lane === null) return refuse(response, REFUSALS.badToken, { isLast: true });
    if (!connections.give(request.socket, lane)) return refuse(response, REFUSALS.tooManyConnections, { isLast: true });
    // Once, as it begins: the call is this attempt's to its end, whoever has the lane by then.
    const { pass } = lane;
    if (pass === null) return refuse(response, REFUSALS.badToken);
    const context = contexts.get(pass.provider);
    if (context !== undefined) return serve({ context, request, response, pass });
    log.error({ attemptId: pass.attemptId, provider: pass.provider }, 'The gateway knows no such provider.');
    refuse(response, REFUSALS.notAdmitted);
  }

  const onRequest = guarded((request: IncomingMessage, response: ServerResponse) =>
    take(request, response).catch((error: unknown) => {
      log.error({ cause: toMessage(error) }, 'A request broke in the gateway.');
      response.destroy();
    }),
  );
  const server = createServer(onRequest);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const onConnection = guarded((socket: Socket) => connections.enter(socket));
  server.on('connection', onConnection);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // Such as no file descriptor for one that is to be taken: those that are open go on.
  const sayAcceptFailed = atMostEvery(10_000, (error: Error) =>
    log.error({ cause: toMessage(error) }, 'The gateway could not take a connection.'),
  );
  server.on('error', guarded(sayAcceptFailed));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reserve,
    open(attempt) {
      const lane = reserve();
      return lane.open({ ...attempt, onClose: () => lane.close() });
    },
    async close() {
      for (const lane of lanes.values()) lane.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const context of contexts.values()) context.upstream.close();
      await closed;
    },
  };
}

interface ServeOptions {
  readonly context: ExchangeContext;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly pass: AttemptPass;
}

async function serve({ context, request, response, pass }: ServeOptions): Promise<void> {
  const endpoint = findEndpoint(request.method ?? '', request.url ?? '');
  if (endpoint === null) {
    // The path alone, cut: a query may hold anything.
    const path = (request.url ?? '').split('?', 1)[0]?.slice(0, 100);
    context.log.warn({ attemptId: pass.attemptId, method: request.method, path }, 'The gateway passed a request by.');
    return refuse(response, REFUSALS.notFound);
  }
  await exchange({ context, request, response, endpoint, pass });
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
