import type { Problem } from '../api/contract.ts';

/** Longhaul answered a request with a refusal. The classes below are the refusals that callers treat differently. */
export class LonghaulApiError extends Error {
  override readonly name: string = 'LonghaulApiError';
  /** The HTTP status. */
  readonly status: number;
  /** The stable code of the refusal; `unknown` when something that is not Longhaul answered. */
  readonly code: string;
  /** Each field that was wrong; empty when none was. */
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  /** When to come again, in seconds; null when the answer does not say. */
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

/** `400`, `413`, `415` or `422`: what was sent is not allowed. `errors` names each field. */
export class LonghaulInvalidRequestError extends LonghaulApiError {
  override readonly name = 'LonghaulInvalidRequestError';
}

/** `401`: the key or token does not work, and a new token did not either. */
export class LonghaulUnauthorizedError extends LonghaulApiError {
  override readonly name = 'LonghaulUnauthorizedError';
}

/** `402`: a budget has no room. `problem.budget` says which, `retryAfterSeconds` until when. */
export class LonghaulBudgetError extends LonghaulApiError {
  override readonly name = 'LonghaulBudgetError';
}

/** `403`: the key or token works, but not for this. */
export class LonghaulForbiddenError extends LonghaulApiError {
  override readonly name = 'LonghaulForbiddenError';
}

/** `404`: there is no such thing, or it is another's. */
export class LonghaulNotFoundError extends LonghaulApiError {
  override readonly name = 'LonghaulNotFoundError';
}

/** `409`: it contradicts how things stand, such as a decision that was made already. */
export class LonghaulConflictError extends LonghaulApiError {
  override readonly name = 'LonghaulConflictError';
}

/** `429`: too many. `retryAfterSeconds` says when to come again. */
export class LonghaulRateLimitError extends LonghaulApiError {
  override readonly name = 'LonghaulRateLimitError';
}

/** No answer came: the server is not there, or the connection broke. `cause` says how. */
export class LonghaulNetworkError extends Error {
  override readonly name = 'LonghaulNetworkError';
  /** The address that was asked. */
  readonly url: string;

  constructor(url: string, cause: unknown) {
    super(`${url} cannot be reached.`, { cause });
    this.url = url;
  }
}

/** The client's `token` function gave none. `cause` is what it threw. */
export class LonghaulTokenError extends Error {
  override readonly name = 'LonghaulTokenError';

  constructor(cause: unknown) {
    super('No token could be had.', { cause });
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

/** Reads the refusal from an answer that is not what was asked for. */
export async function toApiError(response: Response): Promise<LonghaulApiError> {
  const body: unknown = await response.json().catch(() => null);
  const problem = isProblem(body) ? body : toUnknownProblem(response);
  const retryAfterSeconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const Class = CLASSES[problem.status] ?? LonghaulApiError;
  return new Class(problem, Number.isFinite(retryAfterSeconds) ? retryAfterSeconds : null);
}

/** Whether the same request may be answered later: nobody answered, the server failed, or it has too much to do. */
export function isPassing(error: unknown): boolean {
  if (error instanceof LonghaulNetworkError) return true;
  if (error instanceof LonghaulTokenError) return !(error.cause instanceof LonghaulApiError) || isPassing(error.cause);
  return error instanceof LonghaulApiError && (error.status >= 500 || error.status === 408 || error.status === 429);
}

function isProblem(body: unknown): body is Problem {
  const problem = body as Partial<Problem> | null;
  return typeof problem?.code === 'string' && typeof problem.title === 'string' && typeof problem.status === 'number';
}

/** A proxy on the way, or an address where something else listens. */
function toUnknownProblem({ status, url }: Response): Problem {
  return {
    type: 'about:blank',
    title: `Something other than Longhaul answered${url === '' ? '' : ` at ${url}`}, with HTTP status ${status}.`,
    status,
    code: 'unknown',
  };
}
