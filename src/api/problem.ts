import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { ERRORS, LonghaulError, type ErrorCode, type FieldError } from '../core/errors.ts';
import type { Problem } from './contract.ts';

/** Fields named in one answer: a batch of a thousand may be wrong in every one of its runs. */
const MOST_ERRORS = 100;

/** A problem document (RFC 9457). Its words are for whoever calls the API: nothing internal is in them. */
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
  /** Members of this problem's own (RFC 9457, 3.2). */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Answers with a problem document. */
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

/** One wrong field, as an error to throw. */
export function fieldError(path: string, message: string): LonghaulError {
  return new LonghaulError('invalid_request', { message: `${path} ${message}.`, errors: [{ path, message }] });
}
