import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { LonghaulError, toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { isConnectionLost, isDatabaseAway } from '../db/is-database-away.ts';
import type { ApiEnv } from './authenticate.ts';
import { answerProblem, toProblem } from './problem.ts';

/**
 * Responds to a failed request with the caller's mistake, or, if the failure is internal, logs it and responds
 * `unavailable`.
 */
export function answerError({
  error,
  context,
  log,
}: {
  error: Error;
  context: Context<ApiEnv>;
  log: Logger;
}): Response {
  // The reason why a database is unreachable goes to the log only.
  if (error instanceof LonghaulError && error.code !== 'database_unavailable') {
    const { code, message, errors, details, retryAfterSeconds } = error;
    return answerProblem(context, toProblem(code, { detail: message, errors, details }), retryAfterSeconds);
  }
  if (error instanceof HTTPException && error.status === 400) {
    return answerProblem(context, toProblem('invalid_json', { detail: 'The body is not valid JSON.' }));
  }
  if (error instanceof HTTPException && error.status === 415) return answerMediaType(context);
  const { method, path } = context.req;
  const traceId = context.get('trace')?.traceId;
  if (isDataException(error)) {
    // A mistake of the caller, but also a missing check of ours.
    log.warn({ sqlState: error.code, method, path, traceId }, 'the database rejected a value that the API accepted');
    return answerProblem(
      context,
      toProblem('invalid_request', { detail: 'The request holds a value that cannot be stored.' }),
    );
  }
  if (isPlainlyAway(error)) {
    log.warn({ err: error, method, path, traceId }, `a request failed: ${toAwayReason(error)}`);
    return answerProblem(context, toProblem('unavailable'));
  }
  // The cause goes to the log. The caller only learns that the request failed.
  log.error({ err: error, method, path, traceId }, `a request failed: ${toMessage(error)}`);
  return answerProblem(context, toProblem('unavailable'));
}

function answerMediaType(context: Context): Response {
  const type = context.req.header('content-type');
  const received = type === undefined ? 'no content-type' : JSON.stringify(type.slice(0, 100));
  return answerProblem(
    context,
    toProblem('unsupported_media_type', {
      detail: `The body must be sent as application/json; received ${received}.`,
      errors: [{ path: 'Content-Type', message: 'must be application/json' }],
    }),
  );
}

/** Returns whether the database is clearly unreachable. An error of unknown kind is treated as a defect. */
function isPlainlyAway(error: Error): boolean {
  return isConnectionLost(error) || ('code' in error && isDatabaseAway(error));
}

function toAwayReason(error: Error): string {
  if (isConnectionLost(error)) return 'the database is unreachable';
  return `the database did not execute a statement: ${toMessage(error)}`;
}

/** Returns whether the database rejected a value: SQLSTATE class 22 (PostgreSQL, appendix A). */
function isDataException(error: Error): error is Error & { code: string } {
  return 'code' in error && typeof error.code === 'string' && /^22[0-9A-Z]{3}$/.test(error.code);
}
