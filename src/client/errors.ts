import type { Problem } from '../api/contract.ts';

/** Longhaul answered a request with a refusal. */
export class LonghaulApiError extends Error {
  override readonly name = 'LonghaulApiError';
  /** The HTTP status. */
  readonly status: number;
  /** The stable code of the refusal; `unknown` when something that is not Longhaul answered. */
  readonly code: string;
  /** The whole problem document, with `errors` naming each field that was wrong. */
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.status = problem.status;
    this.code = problem.code;
    this.problem = problem;
  }
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

/** Reads the refusal from an answer that is not what was asked for. */
export async function toApiError(response: Response): Promise<LonghaulApiError> {
  const body: unknown = await response.json().catch(() => null);
  return new LonghaulApiError(isProblem(body) ? body : toUnknownProblem(response));
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
