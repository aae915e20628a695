import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { callbackify } from 'node:util';
import type { WebhooksConfig } from '../config/config.ts';
import { guarded } from '../core/guard.ts';
import { maskSecrets } from '../core/mask-secrets.ts';
import { head, toStorable } from '../core/text.ts';
import { isAddressAllowed } from '../core/addresses.ts';
import { findUrlProblem, isHostNamed, toHost } from './check-url.ts';
import { chooseResolver, type Resolve } from '../core/resolve-host.ts';

/** Bytes that are read of an error response, and characters that are kept of them. */
const MOST_READ_BYTES = 4_096;
const MOST_KEPT_CHARACTERS = 200;

/** The result of a post. `status` is null when there was no response. */
export interface PostOutcome {
  readonly isAccepted: boolean;
  readonly status: number | null;
  /** The reason why it was not accepted, without the address; null when it was. */
  readonly error: string | null;
  /** The beginning of the response, with everything masked that looks like a key. */
  readonly text: string | null;
}

type Lookup = NonNullable<RequestOptions['lookup']>;

/** Replacements for the system's own functions. */
export interface PostEnvironment {
  /** Resolves the addresses of a host. Defaults to queries to the name servers. */
  readonly resolve?: Resolve | undefined;
  /** The authority that has signed the receiver's certificate. Defaults to the authorities that Node trusts. */
  readonly ca?: string | undefined;
}

interface PostOptions extends PostEnvironment {
  readonly url: string;
  readonly config: WebhooksConfig;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Ends the whole post, including the host lookup. */
  readonly signal: AbortSignal;
}

/**
 * Posts JSON to an address that a key's owner has named; any 2xx response means acceptance. Only connects to addresses
 * that the configuration allows. The addresses that are checked are those of the connection itself, so a name that
 * resolves differently the second time gains nothing. Follows no redirect. Never rejects.
 */
export async function postWebhook(options: PostOptions): Promise<PostOutcome> {
  const { url, config } = options;
  const problem = findUrlProblem(url, config);
  if (problem !== null) return refuse(`refused: the address ${problem}`);
  try {
    const response = await send(options);
    const status = response.statusCode ?? 0;
    const isAccepted = status >= 200 && status < 300;
    const text = isAccepted ? null : await readText(response).catch(() => null);
    // Does not wait for the unread part.
    response.destroy();
    return { isAccepted, status, error: isAccepted ? null : toRefusal(status), text };
  } catch (error) {
    return refuse(error instanceof RefusedAddress ? error.message : `no answer: ${toReason(error)}`);
  }
}

class NoAddress extends Error {
  readonly code = 'ENOTFOUND';
}

class Closed extends Error {
  readonly code = 'ECONNRESET';
}

class RefusedAddress extends Error {
  override readonly message = 'refused: the address leads to a private network or to this machine';
}

function send({ url, config, headers, body, signal, resolve, ca }: PostOptions): Promise<IncomingMessage> {
  const target = new URL(url);
  const isSecure = target.protocol === 'https:';
  const { promise, resolve: answer, reject } = Promise.withResolvers<IncomingMessage>();
  const request = (isSecure ? requestHttps : requestHttp)(target, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': 'longhaul',
    },
    // A separate connection, because an open one was checked for an earlier delivery. It uses no proxy either.
    agent: false,
    lookup: createGuardedLookup({ config, isNamed: isHostNamed(toHost(target), config), resolve }),
    signal,
    ...(ca !== undefined && { ca }),
  });
  request.on('response', guarded(answer));
  request.on('error', reject);
  // A connection that ends without a response, as after `101 Switching Protocols`; after a response this changes
  // nothing.
  request.on(
    'close',
    guarded(() => reject(new Closed())),
  );
  request.end(body);
  return promise;
}

/** Makes a lookup function for `net.connect` that returns only addresses that may be connected to. */
function createGuardedLookup(options: {
  config: WebhooksConfig;
  isNamed: boolean;
  resolve: PostEnvironment['resolve'];
}): Lookup {
  const { config, isNamed, resolve = chooseResolver(config) } = options;
  const isAllowed = (address: string) => isIP(address) !== 0 && (isNamed || isAddressAllowed(address, config));
  return (host, { all, family }, done) => {
    callbackify(resolve)(host, (error, found) => {
      if (error !== null) return done(error, []);
      const fitting = found.filter((one) => !family || one.family === Number(family));
      const allowed = fitting.filter(({ address }) => isAllowed(address));
      const [first] = allowed;
      if (first === undefined) return done(fitting.length === 0 ? new NoAddress() : new RefusedAddress(), []);
      return all === true ? done(null, allowed) : done(null, first.address, first.family);
    });
  };
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MOST_READ_BYTES) break;
  }
  const text = Buffer.concat(chunks).subarray(0, MOST_READ_BYTES).toString('utf8');
  // Masked before it is cut: half a key could not be recognised.
  const printable = maskSecrets(toStorable(text)).replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ');
  return head(printable.trim(), MOST_KEPT_CHARACTERS);
}

function refuse(error: string): PostOutcome {
  return { isAccepted: false, status: null, error, text: null };
}

function toRefusal(status: number): string {
  if (status >= 300 && status < 400) return `answered ${status}: a redirect, and redirects are not followed`;
  return `answered ${status}`;
}

/** Returns the system's error code, such as `ECONNREFUSED`: its message may contain the address. */
function toReason(error: unknown): string {
  const { code, errors, name } = error as { code?: unknown; errors?: readonly { code?: unknown }[]; name?: unknown };
  const inner = errors?.[0]?.code;
  return String(typeof code === 'string' ? code : typeof inner === 'string' ? inner : name);
}
