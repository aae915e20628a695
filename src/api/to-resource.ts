import { isOperator, type Caller } from '../access/caller.ts';
import type { Attempt } from '../run/read-attempts.ts';
import type { Run } from '../run/run.ts';
import { toShownRun } from '../run/shown-run.ts';
import type { RunResource } from './contract.ts';

/** A run as the API gives it to `caller`: operators see what really went wrong, everyone else the safe words. */
export function toRunResource(run: Run, options: { caller: Caller; attempts?: readonly Attempt[] }): RunResource {
  const { createdAt, startAfter, startedAt, finishedAt, scheduledFor, error, ...shown } = toShownRun(run);
  const { errorDetail } = run;
  const showsAll = isOperator(options.caller);
  return {
    ...shown,
    error: error && { ...error, ...(showsAll && errorDetail !== null && { detail: errorDetail }) },
    createdAt: createdAt.toISOString(),
    startAfter: startAfter?.toISOString() ?? null,
    startedAt: startedAt?.toISOString() ?? null,
    finishedAt: finishedAt?.toISOString() ?? null,
    scheduledFor: scheduledFor?.toISOString() ?? null,
    ...(showsAll && options.attempts && { attempts: options.attempts.map(toAttemptResource) }),
  };
}

function toAttemptResource({ startedAt, finishedAt, ...attempt }: Attempt) {
  return { ...attempt, startedAt: startedAt.toISOString(), finishedAt: finishedAt?.toISOString() ?? null };
}
