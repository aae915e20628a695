import { isOperator, mayRead, type Caller } from '../access/caller.ts';
import { NO_USAGE } from '../core/usage.ts';
import type { Attempt } from '../run/read-attempts.ts';
import type { Run } from '../run/run.ts';
import { toShownRun } from '../run/shown-run.ts';
import type { RunResource } from './contract.ts';

/**
 * A run as the API gives it to `caller`: operators see what really went wrong, everyone else the safe words. Who may not
 * read runs, and has submitted or cancelled one, sees where it stands.
 */
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
    ...(!mayRead(options.caller) && NOTHING_READ),
    ...(showsAll && options.attempts && { attempts: options.attempts.map(toAttemptResource) }),
  };
}

/** In place of what a run was asked, has answered and has cost. */
const NOTHING_READ = {
  prompt: '',
  metadata: {},
  result: null,
  structuredOutput: null,
  error: null,
  costUsd: 0,
  usage: { ...NO_USAGE },
  modelUsage: {},
  turns: 0,
  durationMs: null,
  toolUses: {},
} as const satisfies Partial<RunResource>;

function toAttemptResource({ startedAt, finishedAt, ...attempt }: Attempt) {
  return { ...attempt, startedAt: startedAt.toISOString(), finishedAt: finishedAt?.toISOString() ?? null };
}
