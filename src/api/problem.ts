import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { ERRORS, LonghaulError, type ErrorCode, type FieldError } from '../core/errors.ts';
import type { Problem } from './contract.ts';

/** Maximum number of fields in a response, because a batch of a thousand may be invalid in every run. */
const MOST_ERRORS = 100;

/** Creates a problem document (RFC 9457). Its words are for the caller and contain nothing internal. */
export function toProblem(code: ErrorCode, options: ProblemOptions = {}): Problem {
  const { httpStatus, message } = ERRORS[code];
  return {
    ...options.details,
    type: `urn:longhaul:error:${code}`,
    title: message,
    status: httpStatus,
    code,
    ...(options.detail !== undefined && options.detail !== message && { detail: options.detail }),
    ...(options.errors !== undefined && options.errors.length > 0 && { errors: options.errors.slice(0, MOST_ERRORS) }),
  };
}

interface ProblemOptions {
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** Extension members of this problem (RFC 9457, 3.2). */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Responds with a problem document. */
export function answerProblem(
  context: Context,
  problem: Problem,
  retryAfterSeconds = problem.status === 503 ? 5 : null,
): Response {
  return context.json(problem, problem.status as ContentfulStatusCode, {
    'content-type': 'application/problem+json',
    ...(problem.status === 401 && { 'www-authenticate': 'Bearer realm="longhaul"' }),
    ...(retryAfterSeconds !== null && { 'retry-after': String(Math.ceil(retryAfterSeconds)) }),
  });
}

/** Creates an error for one invalid field. */
export function fieldError(path: string, message: string): LonghaulError {
  return new LonghaulError('invalid_request', { message: `${path} ${message}.`, errors: [{ path, message }] });
}
