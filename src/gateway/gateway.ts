import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Micros } from '../core/money.ts';
import type { Admit } from './admission.ts';
import { createByteBudget } from './byte-budget.ts';
import { findEndpoint } from './endpoint.ts';
import { exchange, type ExchangeContext } from './exchange.ts';
import { NO_LOG, type GatewayLog } from './gateway-log.ts';
import { readToken } from './headers.ts';
import type { Metered } from './metered.ts';
import { createPass, type AttemptPass, type GatewayPass } from './pass.ts';
import { refuse, REFUSALS } from './refusal.ts';
import { createUpstreamClient } from './upstream-client.ts';
import type { Upstream } from './upstream.ts';

export type { GatewayPass } from './pass.ts';

/** The loopback Messages API of one worker: every model call of its attempts passes here, and nowhere else. */
export interface Gateway {
  /** For an attempt's `ANTHROPIC_BASE_URL`: `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Lets an attempt in: until its pass is closed, requests with the pass's token are passed on. */
  open(attempt: OpenOptions): GatewayPass;
  /** Closes every pass and stops listening, at once. */
  close(): Promise<void>;
}

interface OpenOptions {
  readonly attemptId: string;
  /** What the attempt may cost: once the meter stands there, no further call is sent. Defaults to no ceiling. */
  readonly ceilingMicros?: Micros;
  /** Called when more is known of what the attempt uses: as an answer begins, and when its final count comes. */
  readonly onMeter?: (metered: Metered) => void;
}

interface GatewayOptions {
  readonly upstream: Upstream;
  /** How long the provider may send nothing within a streamed request, in milliseconds, before it is cut off. */
  readonly silenceMs: number;
  /** Defaults to none. */
  readonly log?: GatewayLog;
  /** Decides on each model call before it is sent. Defaults to allowing all. */
  readonly admit?: Admit;
}

/** Longer than Claude Code ever thinks between two calls: a connection it reuses must not be closing under it. */
const KEEP_ALIVE_MS = 15 * 60_000;

/** What the bodies of all requests under way may hold together; four of the largest. */
const MAX_HELD_BYTES = 256 * 1024 * 1024;

/** Starts a gateway on a free port of 127.0.0.1. */
export async function createGateway({ upstream, silenceMs, log = NO_LOG, admit }: GatewayOptions): Promise<Gateway> {
  const context: ExchangeContext = {
    upstream: createUpstreamClient(upstream),
    admit: admit ?? (() => ({ allowed: true })),
    silenceMs,
    log,
  };
  // By hash: finding one takes the same time however much of a guess is right.
  const passes = new Map<string, AttemptPass>();
  const bodyBudget = createByteBudget(MAX_HELD_BYTES);

  const server = createServer((request, response) => {
    const pass = passes.get(hash(readToken(request.headers) ?? ''));
    void serve({ context, request, response, pass });
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    open({ attemptId, ceilingMicros, onMeter }) {
      const pass = createPass({
        attemptId,
        ceilingMicros,
        onMeter,
        bodyBudget,
        log,
        onClose: () => passes.delete(hash(pass.token)),
      });
      passes.set(hash(pass.token), pass);
      return pass;
    },
    async close() {
      for (const pass of passes.values()) pass.close();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      context.upstream.close();
      await closed;
    },
  };
}

interface ServeOptions {
  readonly context: ExchangeContext;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly pass: AttemptPass | undefined;
}

async function serve({ context, request, response, pass }: ServeOptions): Promise<void> {
  if (pass === undefined) return refuse(response, REFUSALS.badToken);
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
