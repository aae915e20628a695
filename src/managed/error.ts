import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { HTTPException } from 'hono/http-exception';
import { LonghaulError, toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { isConnectionLost, isDatabaseAway } from '../db/is-database-away.ts';
import type { ManagedEnv } from './deps.ts';

/** The types of errors that clients of Claude Managed Agents know, each with its usual status. */
const STATUSES = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  conflict_error: 409,
  rate_limit_error: 429,
  api_error: 500,
  overloaded_error: 529,
} as const satisfies Record<string, number>;

type ErrorType = keyof typeof STATUSES;

interface ErrorOptions {
  /** Defaults to the usual status of the type. */
  readonly status?: ContentfulStatusCode;
  /** `error_code` is the code that a program can act on. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number | undefined;
}

/** A refusal in the form of Anthropic's API. */
export class ManagedError extends Error {
  readonly type: ErrorType;
  readonly status: ContentfulStatusCode;
  readonly details: Readonly<Record<string, unknown>> | null;
  readonly retryAfterSeconds: number | null;

  constructor(type: ErrorType, message: string, options: ErrorOptions = {}) {
    super(message);
    this.name = 'ManagedError';
    this.type = type;
    this.status = options.status ?? (STATUSES[type] as ContentfulStatusCode);
    this.details = options.details ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }
}

/** Makes the error of a request with a wrong value. */
export function invalid(message: string, errorCode?: string): ManagedError {
  return new ManagedError(
    'invalid_request_error',
    message,
    errorCode === undefined ? {} : { details: { error_code: errorCode } },
  );
}

export function notFound(what: string, id: string): ManagedError {
  return new ManagedError('not_found_error', `There is no ${what} ${id}.`);
}

/** Makes the error of a field, or of a value of it, that Longhaul cannot honour: it is never ignored. */
export function notSupported(field: string, what = `\`${field}\``): ManagedError {
  return new ManagedError('invalid_request_error', `${what} is not supported by Longhaul.`, {
    details: { error_code: 'not_supported', field },
  });
}

/** Answers a failed request in the form of Anthropic's API. A failure that is ours is logged. */
export function answerError(error: Error, context: Context<ManagedEnv>, log: Logger): Response {
  const refusal = toManagedError(error);
  if (refusal.status >= 500 && refusal.status !== 501) {
    const { method, path } = context.req;
    log.error(
      { err: error, method, path, requestId: context.get('requestId') },
      `a request failed: ${toMessage(error)}`,
    );
  }
  const { type, message, details, status, retryAfterSeconds } = refusal;
  if (retryAfterSeconds !== null) context.header('retry-after', String(Math.max(1, Math.ceil(retryAfterSeconds))));
  // The client repeats 409 and 5xx by itself, although the answer would be the same.
  if (status === 409 || status === 501) context.header('x-should-retry', 'false');
  return context.json(
    {
      type: 'error',
      error: { type, message, ...(details !== null && { details }) },
      request_id: context.get('requestId'),
    },
    status,
  );
}

/** Maps the refusals of the engine to Anthropic's. */
function toManagedError(error: Error): ManagedError {
  if (error instanceof ManagedError) return error;
  if (error instanceof HTTPException && error.status === 413)
    return new ManagedError('invalid_request_error', 'The body is too large.', { status: 413 });
  if (error instanceof LonghaulError && error.code !== 'database_unavailable') return fromLonghaulError(error);
  if (isConnectionLost(error) || ('code' in error && isDatabaseAway(error)))
    return new ManagedError('overloaded_error', 'The database is not available. Try again.', { retryAfterSeconds: 1 });
  // SQLSTATE class 22: a value that cannot be stored.
  if ('code' in error && typeof error.code === 'string' && /^22[0-9A-Z]{3}$/.test(error.code))
    return invalid('The request holds a value that cannot be stored.');
  return new ManagedError('api_error', 'The request failed. Its id says where to look in the log of the server.');
}

const TYPES: Partial<Record<LonghaulError['code'], ErrorType>> = {
  unauthorized: 'authentication_error',
  token_expired: 'authentication_error',
  forbidden: 'permission_error',
  rate_limited: 'rate_limit_error',
  user_budget: 'billing_error',
  team_budget: 'billing_error',
  global_budget: 'billing_error',
  session_not_found: 'not_found_error',
  run_not_found: 'not_found_error',
};

function fromLonghaulError({ code, message, details, retryAfterSeconds }: LonghaulError): ManagedError {
  const type = TYPES[code] ?? 'invalid_request_error';
  const resetsAt = details?.['resetsAt'];
  return new ManagedError(type, message, {
    details: { error_code: code, ...(resetsAt !== undefined && { resets_at: resetsAt }) },
    retryAfterSeconds: retryAfterSeconds ?? undefined,
  });
}
