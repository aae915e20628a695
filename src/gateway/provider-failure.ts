import type { IncomingHttpHeaders } from 'node:http';
import type { RunErrorCode } from '../core/errors.ts';
import { head } from '../core/text.ts';
import { readRegainAt, readResetAt, readRetryAt } from './reset-at.ts';

/** How a model call of an attempt went wrong. */
export interface ProviderFailure {
  /** `refused`: no money, by the provider's word or by our own rules. `silent`: cut off by our own deadline. */
  readonly kind: FailureKind;
  /** The HTTP status of the answer, or the one its error type stands for; null when there was no answer. */
  readonly status: number | null;
  /** For operators: the provider's words, or what broke. Holds no secret. */
  readonly message: string;
  /** How long the provider asked to wait, or null. */
  readonly retryAfterSeconds: number | null;
  /** When the provider said to take calls again, in milliseconds since the epoch, or null. */
  readonly resetAt: number | null;
  /** Whether it is a limit of the provider's account that holds for every model. Defaults to false. */
  readonly isAccountWide?: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** For a request our own rules refused: why. */
  readonly code?: RunErrorCode;
}

export type FailureKind =
  | 'auth'
  | 'rate_limit'
  | 'overloaded'
  | 'invalid_request'
  | 'not_found'
  | 'too_large'
  | 'server_error'
  | 'silent'
  | 'unreachable'
  | 'refused';

/** What Anthropic's error types stand for (its API reference, "Errors"). */
const STATUS_BY_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

const KIND_BY_STATUS: Readonly<Record<number, FailureKind>> = {
  401: 'auth',
  402: 'refused',
  403: 'auth',
  404: 'not_found',
  // By a proxy on the way, over HTTP without TLS.
  407: 'auth',
  413: 'too_large',
  429: 'rate_limit',
  529: 'overloaded',
};

/** The failure an answer with an error status stands for. */
export function toFailure({ status, headers, body }: ErrorAnswer): ProviderFailure {
  const { message } = readError(body);
  const now = Date.now();
  // A limit on spending is no mistake of the request, though its status says so.
  const regainAt = status === 400 || status === 403 ? readRegainAt(message ?? '', now) : null;
  const kind = regainAt === null ? kindOf(status) : 'rate_limit';
  const retryAt = readRetryAt(headers, now);
  const reset = kind === 'rate_limit' ? readResetAt(headers, now) : null;
  const resetAt = regainAt ?? retryAt ?? reset?.at ?? null;
  return {
    kind,
    status,
    message: head(message ?? `The model provider answered with status ${status}.`, 1_000),
    retryAfterSeconds: toSeconds(resetAt, now),
    resetAt,
    isAccountWide: regainAt !== null || reset?.isAccountWide === true,
    at: now,
  };
}

interface ErrorAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A wait that is too long for a process to sit in its slot meanwhile: the run ends, and is taken up again later. */
const LONG_WAIT_MS = 5_000;

/** Whether nothing can be had from the provider before `resetAt`, and that is too far off to wait for. */
export function isLongWait(resetAt: number | null): resetAt is number {
  return resetAt !== null && resetAt - Date.now() > LONG_WAIT_MS;
}

/** The failure an `error` event within a stream stands for. `data` is the event's JSON. */
export function toStreamFailure(data: string): ProviderFailure {
  const { type, message } = readError(data);
  const status = STATUS_BY_TYPE[type ?? ''] ?? 500;
  return {
    kind: kindOf(status),
    status,
    message: head(message ?? 'The model provider broke off its answer with an error.', 1_000),
    retryAfterSeconds: null,
    resetAt: null,
    at: Date.now(),
  };
}

/** A failure that is no answer of the provider's, or none that can be passed on. */
export function withoutAnswer(kind: 'silent' | 'unreachable' | 'server_error', message: string): ProviderFailure {
  return { kind, status: null, message, retryAfterSeconds: null, resetAt: null, at: Date.now() };
}

/** A call that our own rules refuse. */
export function refusedWith(
  code: RunErrorCode,
  { message, resetAt = null }: { message: string; resetAt?: number | null },
): ProviderFailure {
  const at = Date.now();
  return { kind: 'refused', status: null, message, retryAfterSeconds: toSeconds(resetAt, at), resetAt, at, code };
}

function toSeconds(resetAt: number | null, now: number): number | null {
  return resetAt === null ? null : Math.max(0, Math.ceil((resetAt - now) / 1_000));
}

function kindOf(status: number): FailureKind {
  const isRequestAtFault = status >= 400 && status < 500;
  return KIND_BY_STATUS[status] ?? (isRequestAtFault ? 'invalid_request' : 'server_error');
}

function readError(json: string): { type?: string; message?: string } {
  try {
    const { error } = JSON.parse(json) as { error?: { type?: unknown; message?: unknown } };
    return {
      ...(typeof error?.type === 'string' ? { type: error.type } : {}),
      ...(typeof error?.message === 'string' ? { message: error.message } : {}),
    };
  } catch {
    return {};
  }
}
