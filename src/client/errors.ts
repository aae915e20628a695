import type { Problem } from '../api/contract.ts';

/** Longhaul rejected a request. The subclasses are the rejections that callers treat differently. */
export class LonghaulApiError extends Error {
  override readonly name: string = 'LonghaulApiError';
  /** The HTTP status. */
  readonly status: number;
  /** The stable code of the rejection; `unknown` when another server than Longhaul answered. */
  readonly code: string;
  /** Each wrong field; empty when there is none. */
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  /** Seconds to wait before a retry; null when the answer does not say. */
  readonly retryAfterSeconds: number | null;
  /** The whole problem document. */
  readonly problem: Problem;

  constructor(problem: Problem, retryAfterSeconds: number | null = null) {
    super(problem.detail ?? problem.title);
    this.status = problem.status;
    this.code = problem.code;
    this.errors = problem.errors ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
    this.problem = problem;
  }
}

/** `400`, `413`, `415` or `422`: the request is not valid. `errors` names each wrong field. */
export class LonghaulInvalidRequestError extends LonghaulApiError {
  override readonly name = 'LonghaulInvalidRequestError';
}

/** `401`: the key or token is not valid, and neither was a new token. */
export class LonghaulUnauthorizedError extends LonghaulApiError {
  override readonly name = 'LonghaulUnauthorizedError';
}

/** `402`: a budget has no room. `problem.budget` names it; `retryAfterSeconds` is the time until it resets. */
export class LonghaulBudgetError extends LonghaulApiError {
  override readonly name = 'LonghaulBudgetError';
}

/** `403`: the key or token is valid, but does not permit this. */
export class LonghaulForbiddenError extends LonghaulApiError {
  override readonly name = 'LonghaulForbiddenError';
}

/** `404`: the resource does not exist, or belongs to another user. */
export class LonghaulNotFoundError extends LonghaulApiError {
  override readonly name = 'LonghaulNotFoundError';
}

/** `409`: the request conflicts with the current state, such as an earlier decision. */
export class LonghaulConflictError extends LonghaulApiError {
  override readonly name = 'LonghaulConflictError';
}

/** `429`: too many requests. `retryAfterSeconds` is the time to wait before a retry. */
export class LonghaulRateLimitError extends LonghaulApiError {
  override readonly name = 'LonghaulRateLimitError';
}

/** There was no answer: the server cannot be reached, or the connection broke. `cause` has the reason. */
export class LonghaulNetworkError extends Error {
  override readonly name = 'LonghaulNetworkError';
  /** The requested address. */
  readonly url: string;

  constructor(url: string, cause: unknown) {
    super(`${url} cannot be reached.`, { cause });
    this.url = url;
  }
}

/** The client's `token` function failed. `cause` is the error it threw. */
export class LonghaulTokenError extends Error {
  override readonly name = 'LonghaulTokenError';

  constructor(cause: unknown) {
    super('The `token` function failed.', { cause });
  }
}

const CLASSES: Readonly<Record<number, typeof LonghaulApiError>> = {
  400: LonghaulInvalidRequestError,
  401: LonghaulUnauthorizedError,
  402: LonghaulBudgetError,
  403: LonghaulForbiddenError,
  404: LonghaulNotFoundError,
  409: LonghaulConflictError,
  413: LonghaulInvalidRequestError,
  415: LonghaulInvalidRequestError,
  422: LonghaulInvalidRequestError,
  429: LonghaulRateLimitError,
};

/** Reads the error from an unexpected answer. */
export async function toApiError(response: Response): Promise<LonghaulApiError> {
  const body: unknown = await response.json().catch(() => null);
  const problem = isProblem(body) ? body : toUnknownProblem(response);
  const retryAfterSeconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const Class = CLASSES[problem.status] ?? LonghaulApiError;
  return new Class(problem, Number.isFinite(retryAfterSeconds) ? retryAfterSeconds : null);
}

/** Returns whether the same request may succeed later: there was no answer, the server failed, or it is overloaded. */
export function isPassing(error: unknown): boolean {
  if (error instanceof LonghaulNetworkError) return true;
  if (error instanceof LonghaulTokenError) return !(error.cause instanceof LonghaulApiError) || isPassing(error.cause);
  return error instanceof LonghaulApiError && (error.status >= 500 || error.status === 408 || error.status === 429);
}

function isProblem(body: unknown): body is Problem {
  const problem = body as Partial<Problem> | null;
  return typeof problem?.code === 'string' && typeof problem.title === 'string' && typeof problem.status === 'number';
}

/** Describes an answer of a proxy on the way, or of another service at this address. */
function toUnknownProblem({ status, url }: Response): Problem {
  return {
    type: 'about:blank',
    title: `Something other than Longhaul answered${url === '' ? '' : ` at ${url}`}, with HTTP status ${status}.`,
    status,
    code: 'unknown',
  };
}
