import type { IncomingHttpHeaders } from 'node:http';
import { toApiErrorStatus } from '../core/api-errors.ts';
import type { RunErrorCode } from '../core/errors.ts';
import { maskedHead } from '../core/mask-secrets.ts';
import { readRegainAt, readResetAt, readRetryAt } from './reset-at.ts';

/** A failed model call of an attempt. */
export interface ProviderFailure {
  /** `refused`: no money, according to the provider or to our own rules. `silent`: cut by our own deadline. */
  readonly kind: FailureKind;
  /** HTTP status of the answer, or the status of its error type; null when there was no answer. */
  readonly status: number | null;
  /** For operators: the provider's message, or what failed. Contains no secret. */
  readonly message: string;
  /** Seconds that the provider asked to wait, or null. */
  readonly retryAfterSeconds: number | null;
  /** Time after which the provider accepts calls again, as it reported, in milliseconds since the epoch, or null. */
  readonly resetAt: number | null;
  /** True when it is a limit of the provider's account for every model. Defaults to false. */
  readonly isAccountWide?: boolean;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Reason why our own rules rejected the request. */
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

const KIND_BY_STATUS: Readonly<Record<number, FailureKind>> = {
  401: 'auth',
  402: 'refused',
  403: 'auth',
  404: 'not_found',
  // Sent by a proxy on the way, over HTTP without TLS.
  407: 'auth',
  413: 'too_large',
  429: 'rate_limit',
  529: 'overloaded',
};

/** Returns the failure for an answer with an error status. */
export function toFailure({ status, headers, body }: ErrorAnswer): ProviderFailure {
  const { message } = readError(body);
  const now = Date.now();
  // A limit on spending is not a fault of the request, although its status says so.
  const regainAt = status === 400 || status === 403 ? readRegainAt(message ?? '', now) : null;
  const kind = regainAt === null ? kindOf(status) : 'rate_limit';
  const retryAt = readRetryAt(headers, now);
  const reset = kind === 'rate_limit' ? readResetAt(headers, now) : null;
  const resetAt = regainAt ?? retryAt ?? reset?.at ?? null;
  return {
    kind,
    status,
    message: maskedHead(message ?? `The model provider answered with status ${status}.`, 1_000),
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

/** A wait that is too long for a process to stay in its slot: the run ends, and resumes later. */
const LONG_WAIT_MS = 5_000;

/** Returns whether the provider accepts no calls before `resetAt`, and that is too late to wait for. */
export function isLongWait(resetAt: number | null): resetAt is number {
  return resetAt !== null && resetAt - Date.now() > LONG_WAIT_MS;
}

/** Returns the failure for an `error` event within a stream. `data` is the event's JSON. */
export function toStreamFailure(data: string): ProviderFailure {
  const { type, message } = readError(data);
  const status = toApiErrorStatus(type ?? '');
  return {
    kind: kindOf(status),
    status,
    message: maskedHead(message ?? 'The model provider interrupted its answer with an error.', 1_000),
    retryAfterSeconds: null,
    resetAt: null,
    at: Date.now(),
  };
}

/** Returns a failure without an answer of the provider, or with an answer that cannot be passed on. */
export function withoutAnswer(kind: 'silent' | 'unreachable' | 'server_error', message: string): ProviderFailure {
  return { kind, status: null, message, retryAfterSeconds: null, resetAt: null, at: Date.now() };
}

/** Returns the failure for a call that our own rules reject. */
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
