import { sql, type Selectable } from 'kysely';
import type { RunErrorCode } from '../core/errors.ts';
import type { NewEvent } from '../core/events.ts';
import { decideParking, decideRetry, type RetryPolicy } from '../core/retry-policy.ts';
import { toStorable } from '../core/text.ts';
import type { RunsTable } from '../db/tables.ts';
import { toRunError } from './run.ts';

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
      /** Set when no other attempt may follow, whatever the code allows: the work was done. */
      readonly isFinal?: true;
    }
  | { readonly status: 'cancelled' }
  | {
      readonly status: 'handed_back';
      /** The reason, for operators, unless the worker was shutting down. */
      readonly detail?: string;
    };

/** The consequence of an attempt's end for its run. */
export type Conclusion =
  | Extract<AttemptOutcome, { status: 'succeeded' | 'failed' | 'cancelled' | 'handed_back' }>
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
  /** The attempt failed, and another follows after a wait. */
  | { readonly status: 'retried'; readonly code: RunErrorCode; readonly delaySeconds: number };

/** Returns whether the conclusion ends the run. */
export function isOver(conclusion: Conclusion): boolean {
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
  const handedBack = row.max_attempts - policy.maxAttempts;
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
    failures: row.attempt - handedBack,
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

/** The event that reports a conclusion to watchers. */
export function toEvent(
  conclusion: Conclusion,
  totals: { agent: string; costUsd: number; isAtCeiling: boolean; turns: number; durationMs: number; now: Date },
): NewEvent {
  const { agent, costUsd, isAtCeiling, turns, durationMs, now } = totals;
  switch (conclusion.status) {
    case 'succeeded':
      return {
        type: 'run.succeeded',
        data: {
          result: toStorable(conclusion.result),
          ...(conclusion.structuredOutput !== undefined && { structuredOutput: conclusion.structuredOutput }),
          costUsd,
          turns,
          durationMs,
          ...(isAtCeiling && { isAtCeiling }),
        },
      };
    case 'failed':
      return { type: 'run.failed', data: { error: toRunError(conclusion.code, conclusion.category) } };
    case 'cancelled':
      return { type: 'run.cancelled', data: { costUsd } };
    case 'handed_back':
      return { type: 'run.queued', data: { agent, reason: 'handed_back' } };
    case 'parked':
      return {
        type: 'run.waiting',
        data: { waitingFor: 'provider_limit', until: toUntil(now, conclusion.delaySeconds) },
      };
    case 'awaits_approval':
      return { type: 'run.waiting', data: { waitingFor: 'approval', until: conclusion.until.toISOString() } };
    case 'retried':
      return {
        type: 'run.retrying',
        data: { error: toRunError(conclusion.code), delaySeconds: conclusion.delaySeconds },
      };
  }
}

type Counts = Pick<Selectable<RunsTable>, 'max_attempts' | 'unnamed_parks'>;

/** The changes that a conclusion makes to the run's row. */
export function toColumns(conclusion: Conclusion, { max_attempts: maxAttempts, unnamed_parks }: Counts) {
  const finished_at = sql<Date>`now()`;
  switch (conclusion.status) {
    case 'succeeded': {
      const { result, structuredOutput } = conclusion;
      const structured_output = structuredOutput === undefined ? null : JSON.stringify(structuredOutput);
      return { status: conclusion.status, finished_at, result: toStorable(result), structured_output };
    }
    case 'failed': {
      const { status, code, detail, category } = conclusion;
      return {
        status,
        finished_at,
        error_code: code,
        error_detail: toStorable(detail),
        error_category: category ?? null,
      };
    }
    case 'cancelled':
      return { status: conclusion.status, finished_at, error_code: 'cancelled' };
    case 'handed_back':
      // An attempt that its worker handed back does not count towards `maxAttempts`, and the wait after it does not
      // count towards the deadline.
      return { status: 'queued' as const, max_attempts: maxAttempts + 1, parked_at: sql<Date>`clock_timestamp()` };
    case 'parked':
      return {
        status: 'waiting' as const,
        waiting_for: 'provider_limit',
        parked_at: conclusion.isNamed ? sql<Date>`clock_timestamp()` : null,
        // Does not count, as for `handed_back`.
        max_attempts: maxAttempts + 1,
        unnamed_parks: conclusion.isNamed ? unnamed_parks : unnamed_parks + 1,
      };
    case 'awaits_approval':
      return {
        status: 'waiting' as const,
        waiting_for: 'approval',
        parked_at: sql<Date>`clock_timestamp()`,
        max_attempts: conclusion.isCounted ? maxAttempts : maxAttempts + 1,
      };
    case 'retried':
      return { status: 'queued' as const };
  }
}

/** The end of a wait that begins now, as events give it. */
function toUntil(now: Date, delaySeconds: number): string {
  return new Date(now.getTime() + delaySeconds * 1_000).toISOString();
}
