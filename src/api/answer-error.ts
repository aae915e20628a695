import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { LonghaulError, toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { isConnectionLost, isDatabaseAway } from '../db/is-database-away.ts';
import { answerProblem, toProblem } from './problem.ts';

/** Answers a request that failed: with what the caller did wrong, or, logged, with `unavailable`. */
export function answerError({ error, context, log }: { error: Error; context: Context; log: Logger }): Response {
  if (error instanceof LonghaulError) {
    const { code, message, errors, details, retryAfterSeconds } = error;
    return answerProblem(context, toProblem(code, { detail: message, errors, details }), retryAfterSeconds);
  }
  if (error instanceof HTTPException && error.status === 400) {
    return answerProblem(context, toProblem('invalid_json', { detail: 'The body is not valid JSON.' }));
  }
  if (error instanceof HTTPException && error.status === 415) return answerMediaType(context);
  const { method, path } = context.req;
  if (isDataException(error)) {
    // The caller's fault all the same, but a check of ours is missing.
    log.warn({ sqlState: error.code, method, path }, 'a value reached the database that it cannot hold');
    return answerProblem(
      context,
      toProblem('invalid_request', { detail: 'The request holds a value that cannot be stored.' }),
    );
  }
  if (isPlainlyAway(error)) {
    log.warn({ err: error, method, path }, 'a request could not be answered: the database is away');
    return answerProblem(context, toProblem('unavailable'));
  }
  // What went wrong inside is for the log. A caller is told only that it did.
  log.error({ err: error, method, path }, `a request failed: ${toMessage(error)}`);
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

/** Whether it is plainly the database that is away: an error that says nothing of its kind is looked at as a defect. */
function isPlainlyAway(error: Error): boolean {
  return isConnectionLost(error) || ('code' in error && isDatabaseAway(error));
}

/** Whether the database refused a value: SQLSTATE class 22 (PostgreSQL, appendix A). */
function isDataException(error: Error): error is Error & { code: string } {
  return 'code' in error && typeof error.code === 'string' && /^22[0-9A-Z]{3}$/.test(error.code);
}
