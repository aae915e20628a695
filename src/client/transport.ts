import { createCredential, type CredentialOptions } from './credential.ts';
import { pause, toDelayMs } from './delays.ts';
import { isPassing, LonghaulApiError, LonghaulNetworkError, toApiError } from './errors.ts';

/** Destination and transport of a client's requests. */
export interface TransportOptions extends CredentialOptions {
  /** Address of Longhaul, such as `http://127.0.0.1:4400`; in a browser also a path of the page's own origin. */
  readonly url: string;
  /** Function that sends requests: another `fetch`, or a Longhaul in this process. Defaults to the global `fetch`. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined;
  /**
   * Time during which a request that may safely be repeated is repeated, while there is no answer or the server cannot
   * accept it. Streams and `wait` are not limited by it. 0: never. Defaults to 10.
   */
  readonly retryForSeconds?: number | undefined;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  /** Time for the answer to begin. Defaults to 60 s. */
  readonly timeoutMs?: number;
  /**
   * True when the request may be repeated if its outcome is unknown. By default that follows from the method and an
   * idempotency key.
   */
  readonly isRepeatable?: boolean;
  /** Takes an answer whose status is that of a refusal for what was asked for. Defaults to none. */
  readonly isAnswer?: (response: Response) => boolean;
  /** Overrides `retryForSeconds`. */
  readonly retryForMs?: number;
}

export type Query = Record<string, string | number | boolean | readonly string[] | undefined>;

/** Sends requests and reads their answers. */
export interface Transport {
  /** Sends a request and reads the JSON of its answer. */
  requestJson<T>(path: string, options?: RequestOptions): Promise<T>;
  /** Opens a stream, of events unless `accept` names another type, without retries. */
  requestStream(path: string, signal?: AbortSignal, accept?: string): Promise<Response>;
  /** Returns the query of an address, with the given parameters; a list is repeated. */
  toQuery(parameters: Query): string;
}

const TIMEOUT_MS = 60_000;
const STREAM_TIMEOUT_MS = 20_000;

/** Longest wait that the client accepts when a server asks for one. */
const LONGEST_WAIT_MS = 10_000;

/** @throws {TypeError} when both an API key and a token are given. */
export function createTransport(options: TransportOptions): Transport {
  const { url, fetch: send = (request: Request) => fetch(request), retryForSeconds = 10 } = options;
  const destination = { baseUrl: url.replace(/\/+$/, ''), send };
  const credential = createCredential(options);

  /** Sends a request, and repeats it with a new token if the current one has expired. */
  async function sendOnce<T>(path: string, options: SendOptions<T>): Promise<T> {
    const sent = await credential.current();
    const { isUnauthorized, read, drop } = await exchange(destination, path, { ...options, credential: sent });
    if (!isUnauthorized || !credential.renew(sent)) return read();
    await drop();
    const again = await exchange(destination, path, { ...options, credential: await credential.current() });
    return again.read();
  }

  return {
    async requestJson<T>(path: string, options: RequestOptions = {}): Promise<T> {
      const { isRepeatable = isSafeToRepeat(options), retryForMs = retryForSeconds * 1_000, ...init } = options;
      // A monotonic clock: changing the time must neither end the retries nor prolong them.
      const endsAt = performance.now() + retryForMs;
      for (let failures = 0; ; failures++) {
        try {
          return await sendOnce<T>(path, {
            timeoutMs: TIMEOUT_MS,
            ...init,
            accept: 'application/json',
            read: (response) => response.json() as Promise<T>,
          });
        } catch (error) {
          const delayMs = isRepeatable ? toRepeatDelayMs(error, failures) : null;
          if (delayMs === null || performance.now() + delayMs > endsAt) throw error;
          await pause(delayMs, init.signal);
          init.signal?.throwIfAborted();
        }
      }
    },
    requestStream: (path, signal, accept = 'text/event-stream') =>
      sendOnce(path, {
        accept,
        signal,
        timeoutMs: STREAM_TIMEOUT_MS,
        read: (response) => Promise.resolve(response),
      }),
    toQuery(parameters) {
      const query = new URLSearchParams();
      for (const [name, value] of Object.entries(parameters)) {
        for (const one of typeof value === 'object' ? value : value === undefined ? [] : [value])
          query.append(name, String(one));
      }
      return query.size === 0 ? '' : `?${query.toString()}`;
    },
  };
}

interface SendOptions<T> extends Omit<RequestOptions, 'isRepeatable' | 'retryForMs'> {
  /** Content type that the answer must have. */
  readonly accept: string;
  readonly timeoutMs: number;
  readonly read: (response: Response) => Promise<T>;
}

interface Destination {
  readonly baseUrl: string;
  readonly send: (request: Request) => Promise<Response>;
}

/** An answer whose head has arrived. */
interface Exchange<T> {
  readonly isUnauthorized: boolean;
  /** Reads the body. Throws when the answer is not of the wanted kind. */
  readonly read: () => Promise<T>;
  /** Leaves the body unread. */
  readonly drop: () => Promise<void>;
}

/** Sends a request, and waits for the head of its answer. */
async function exchange<T>(
  { baseUrl, send }: Destination,
  path: string,
  options: SendOptions<T> & { readonly credential: string | null },
): Promise<Exchange<T>> {
  const { accept, read, headers, signal: given, timeoutMs, isAnswer, credential, ...init } = options;
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error(`No answer within ${timeoutMs} ms.`)), timeoutMs);
  const signal = given === undefined ? silence.signal : AbortSignal.any([given, silence.signal]);
  /** Returns the error to throw: the reason of the caller's own abort, or a network failure. */
  const toThrown = (cause: unknown) => {
    clearTimeout(timer);
    if (given?.aborted) return given.reason as unknown;
    return cause instanceof LonghaulApiError ? cause : new LonghaulNetworkError(baseUrl, cause);
  };
  try {
    const message = new Request(`${baseUrl}${path}`, {
      ...init,
      signal,
      headers: { ...headers, accept, ...(credential !== null && { authorization: `Bearer ${credential}` }) },
    });
    const response = await send(message);
    return {
      isUnauthorized: response.status === 401,
      async drop() {
        clearTimeout(timer);
        await response.body?.cancel().catch(() => {}); // The body may already be broken.
      },
      async read(): Promise<T> {
        try {
          const type = response.headers.get('content-type') ?? '';
          const isWanted = response.ok || isAnswer?.(response) === true;
          if (!isWanted || !type.startsWith(accept)) throw await toApiError(response);
          return await read(response);
        } catch (cause) {
          throw toThrown(cause);
        } finally {
          clearTimeout(timer);
        }
      },
    };
  } catch (cause) {
    throw toThrown(cause);
  }
}

function isSafeToRepeat({ method = 'GET', headers }: RequestOptions): boolean {
  return method !== 'POST' && method !== 'PATCH' ? true : headers?.['idempotency-key'] !== undefined;
}

/** Returns null for no repetition. Callers handle a rejection for too many requests themselves. */
function toRepeatDelayMs(error: unknown, failures: number): number | null {
  if (!isPassing(error) || (error instanceof LonghaulApiError && error.status === 429)) return null;
  const wantedMs = error instanceof LonghaulApiError ? (error.retryAfterSeconds ?? 0) * 1_000 : 0;
  return wantedMs > LONGEST_WAIT_MS ? null : Math.max(wantedMs, toDelayMs(failures));
}
