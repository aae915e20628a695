import { isOperator, type Caller } from '../access/caller.ts';
import type { Attempt } from '../run/read-attempts.ts';
import type { Run } from '../run/run.ts';
import type { RunResource } from './contract.ts';

/** A run as the API gives it to `caller`: operators see what really went wrong, everyone else the safe words. */
export function toRunResource(run: Run, options: { caller: Caller; attempts?: readonly Attempt[] }): RunResource {
  const { lastSeq, errorDetail, error, retryPolicy, requestedLimits, ...rest } = run;
  const { createdAt, startAfter, startedAt, finishedAt } = run;
  const showsAll = isOperator(options.caller);
  const self = `/v1/runs/${run.id}`;
  return {
    ...rest,
    error: error && { ...error, ...(showsAll && errorDetail !== null && { detail: errorDetail }) },
    createdAt: createdAt.toISOString(),
    startAfter: startAfter?.toISOString() ?? null,
    startedAt: startedAt?.toISOString() ?? null,
    finishedAt: finishedAt?.toISOString() ?? null,
    ...(showsAll && options.attempts && { attempts: options.attempts.map(toAttemptResource) }),
    links: { self, events: `${self}/events`, cancel: `${self}/cancel`, retry: `${self}/retry` },
  };
}

function toAttemptResource({ startedAt, finishedAt, ...attempt }: Attempt) {
  return { ...attempt, startedAt: startedAt.toISOString(), finishedAt: finishedAt?.toISOString() ?? null };
}
