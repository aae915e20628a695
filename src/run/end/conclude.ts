import type { Selectable } from 'kysely';
import type { RunErrorCode } from '../../core/errors.ts';
import type { Micros } from '../../core/money.ts';
import { decideParking, decideRetry, type RetryPolicy } from '../../core/retry-policy.ts';
import type { RunsTable } from '../../db/tables.ts';

/**
 * The end of an attempt. `handed_back`: the reason lies with its worker, which is shutting down, or its machine, not
 * with the run; the run is queued again.
 */
export type AttemptOutcome =
  | { readonly status: 'succeeded'; readonly result: string; readonly structuredOutput?: unknown }
  | {
      readonly status: 'failed';
      readonly code: RunErrorCode;
      readonly detail: string;
      /** For a refusal: the kind of content that caused it, if the provider named one. */
      readonly category?: string;
      /** Set when no other attempt may follow, although the code allows one. */
      readonly isFinal?: true;
    }
  | { readonly status: 'cancelled' }
  | {
      readonly status: 'handed_back';
      /** The reason, for operators, unless the worker was shutting down. */
      readonly detail?: string;
    };

/** A consequence that ends the run. */
export type FinalConclusion = Extract<AttemptOutcome, { status: 'succeeded' | 'failed' | 'cancelled' }>;

/** A consequence after which the run continues. */
export type OpenConclusion =
  | Extract<AttemptOutcome, { status: 'handed_back' }>
  /** The provider is at a limit: the run waits without a process, and the attempt does not count. */
  | {
      readonly status: 'parked';
      readonly code: RunErrorCode;
      readonly delaySeconds: number;
      /** True when the provider named the time; false when we guess it. */
      readonly isNamed: boolean;
    }
  /** A person has to decide on a tool use first: the run waits without a process. */
  | {
      readonly status: 'awaits_approval';
      readonly until: Date;
      /** True when the attempt counts towards `maxAttempts`, because it failed by itself. */
      readonly isCounted: boolean;
    }
  /** The budget of the session is used up: the run waits without a process until it is raised. */
  | { readonly status: 'awaits_session_budget' }
  /** The budget of the session was used up, and has been raised meanwhile, or removed: the run continues. */
  | { readonly status: 'budget_raised'; readonly ceilingMicros: Micros | null }
  /** The attempt failed, and another follows after a wait. */
  | { readonly status: 'retried'; readonly code: RunErrorCode; readonly delaySeconds: number };

/** The consequence of an attempt's end for its run. */
export type Conclusion = FinalConclusion | OpenConclusion;

/** Returns whether the conclusion ends the run. */
export function isOver(conclusion: Conclusion): conclusion is FinalConclusion {
  return conclusion.status === 'succeeded' || conclusion.status === 'failed' || conclusion.status === 'cancelled';
}

interface ConcludeOptions {
  readonly row: Selectable<RunsTable>;
  readonly outcome: AttemptOutcome;
  /** By the database's clock. */
  readonly now: Date;
  readonly retryAfterSeconds: number | null;
  /** A number from 0 up to 1. */
  readonly random: number;
}

/**
 * Decides what happens to a run whose attempt has ended: its end, or another attempt. A requested cancellation prevents
 * another attempt, but does not replace an end that came by itself.
 */
export function conclude({ row, outcome, now, retryAfterSeconds, random }: ConcludeOptions): Conclusion {
  const isCancelRequested = row.cancel_requested_at !== null;
  if (outcome.status === 'handed_back') return isCancelRequested ? { status: 'cancelled' } : outcome;
  if (outcome.status !== 'failed' || outcome.isFinal === true) return outcome;
  const policy = row.retry_policy as RetryPolicy;
  // Each attempt that does not count has raised `max_attempts` (`continue-run.ts`).
  const uncounted = row.max_attempts - policy.maxAttempts;
  const elapsedSeconds = (now.getTime() - (row.started_at ?? now).getTime() - row.parked_ms) / 1_000;
  const parking = decideParking({
    policy,
    code: outcome.code,
    unnamedParks: row.unnamed_parks,
    elapsedSeconds,
    retryAfterSeconds,
    random,
  });
  if (parking === 'tooLate') return toLate(outcome, policy);
  if (parking !== null)
    return isCancelRequested ? { status: 'cancelled' } : { status: 'parked', code: outcome.code, ...parking };
  const decision = decideRetry({
    policy,
    code: outcome.code,
    failures: row.attempt - uncounted,
    elapsedSeconds,
    retryAfterSeconds,
    random,
  });
  if (decision.retry) {
    if (isCancelRequested) return { status: 'cancelled' };
    return { status: 'retried', code: outcome.code, delaySeconds: decision.delaySeconds };
  }
  if (decision.code === outcome.code) return outcome;
  return toLate(outcome, policy);
}

function toLate({ code, detail }: { code: RunErrorCode; detail: string }, policy: RetryPolicy): Conclusion {
  const late = `No other attempt could start within ${policy.deadlineSeconds} s of the first.`;
  return { status: 'failed', code: 'deadline_exceeded', detail: `${late} The last one ended with ${code}: ${detail}` };
}

/** Makes an unfinished run wait for its pending approval until the given time, before anything else. */
export function awaitApproval(conclusion: Conclusion, until: Date | null): Conclusion {
  if (until === null || isOver(conclusion)) return conclusion;
  return { status: 'awaits_approval', until, isCounted: conclusion.status === 'retried' };
}
