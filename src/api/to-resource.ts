import { isOperator, mayRead, type Caller } from '../access/caller.ts';
import { NO_USAGE } from '../core/usage.ts';
import type { Attempt } from '../run/read/read-attempts.ts';
import type { Run } from '../run/run.ts';
import { toShownRun } from '../run/read/shown-run.ts';
import type { RunResource } from './contract.ts';

interface RunOptions {
  readonly caller: Caller;
  /** The path that the API is served under, which is the prefix of links. */
  readonly basePath: string;
  readonly attempts?: readonly Attempt[];
}

/**
 * Converts a run for `caller`: operators see the actual cause of an error, others the safe message. A caller that may
 * not read runs, but has submitted or cancelled one, sees only its state.
 */
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
    ...(!mayRead(options.caller) && NOTHING_READ),
    ...(showsAll && options.attempts && { attempts: options.attempts.map(toAttemptResource) }),
  };
}

/** Replaces the prompt, result and cost of a run. */
const NOTHING_READ = {
  prompt: '',
  attachments: [],
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
  deniedToolUses: {},
} as const satisfies Partial<RunResource>;

function toAttemptResource({ startedAt, finishedAt, ...attempt }: Attempt) {
  return { ...attempt, startedAt: startedAt.toISOString(), finishedAt: finishedAt?.toISOString() ?? null };
}
