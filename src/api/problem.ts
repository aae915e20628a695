import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { ERRORS, LonghaulError, type ErrorCode, type FieldError } from '../core/errors.ts';
import type { Problem } from './contract.ts';

/** A problem document (RFC 9457). Its words are for whoever calls the API: nothing internal is in them. */
export function toProblem(code: ErrorCode, options: { detail?: string; errors?: readonly FieldError[] } = {}): Problem {
  const { httpStatus, message } = ERRORS[code];
  return {
    type: `urn:longhaul:error:${code}`,
    title: message,
    status: httpStatus,
    code,
    ...(options.detail !== undefined && options.detail !== message && { detail: options.detail }),
    ...(options.errors !== undefined && options.errors.length > 0 && { errors: [...options.errors] }),
  };
}

/** Answers with a problem document. */
export function answerProblem(context: Context, problem: Problem): Response {
  return context.json(problem, problem.status as ContentfulStatusCode, {
    'content-type': 'application/problem+json',
    ...(problem.code === 'unauthorized' && { 'www-authenticate': 'Bearer realm="longhaul"' }),
    ...(problem.status === 503 && { 'retry-after': '5' }),
  });
}

/** One wrong field, as an error to throw. */
export function fieldError(path: string, message: string): LonghaulError {
  return new LonghaulError('invalid_request', { message: `${path} ${message}.`, errors: [{ path, message }] });
}
