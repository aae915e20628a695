import { isOperator, type Caller } from '../access/caller.ts';
import type { Attempt } from '../run/read-attempts.ts';
import type { Run } from '../run/run.ts';
import { toShownRun } from '../run/shown-run.ts';
import type { RunResource } from './contract.ts';

interface RunOptions {
  readonly caller: Caller;
  /** The path that the API is served under, with which links begin. */
  readonly basePath: string;
  readonly attempts?: readonly Attempt[];
}

/** A run as the API gives it to `caller`: operators see what really went wrong, everyone else the safe words. */
export function toRunResource(run: Run, options: RunOptions): RunResource {
  const { createdAt, startAfter, startedAt, finishedAt, scheduledFor, error, ...shown } = toShownRun(
    run,
    options.basePath,
  );
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
