import { sql, type Selectable } from 'kysely';
import type { RunErrorCode } from '../core/errors.ts';
import type { NewEvent } from '../core/events.ts';
import { decideParking, decideRetry, type RetryPolicy } from '../core/retry-policy.ts';
import { toStorable } from '../core/text.ts';
import type { RunsTable } from '../db/tables.ts';
import { toRunError } from './run.ts';

/**
 * How an attempt ended. `handed_back`: for a reason that is its worker's, which is going away, or its machine's, and not
 * its own; the run goes in line again.
 */
export type AttemptOutcome =
  | { readonly status: 'succeeded'; readonly result: string; readonly structuredOutput?: unknown }
  | {
      readonly status: 'failed';
      readonly code: RunErrorCode;
      readonly detail: string;
      /** Whether no other attempt is to follow, whatever the code allows: the work was done. */
      readonly isFinal?: true;
    }
  | { readonly status: 'cancelled' }
  | {
      readonly status: 'handed_back';
      /** Why, for operators, where it was not that its worker leaves. */
      readonly detail?: string;
    };

/** What the end of an attempt makes of its run. */
export type Conclusion =
  | Extract<AttemptOutcome, { status: 'succeeded' | 'failed' | 'cancelled' | 'handed_back' }>
  /** The provider is at a limit: it waits without a process, and the attempt does not count. */
  | {
      readonly status: 'parked';
      readonly code: RunErrorCode;
      readonly delaySeconds: number;
      /** Whether the provider has named the time; else it is our guess. */
      readonly isNamed: boolean;
    }
  /** A person has to decide on a tool use first: it waits without a process. */
  | {
      readonly status: 'awaits_approval';
      readonly until: Date;
      /** Whether the attempt is one of those the run may have: it failed by itself. */
      readonly isCounted: boolean;
    }
  /** It failed, and is tried again after a wait. */
  | { readonly status: 'retried'; readonly code: RunErrorCode; readonly delaySeconds: number };

/** Whether the run has ended with it. */
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
 * Decides what becomes of a run whose attempt has ended: its end, or another attempt. A cancellation that was asked
 * for stands against another attempt, but does not undo an end that had come by itself.
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

/** A run that goes on, and a tool use of which waits for a person until then, waits for that first. */
export function awaitApproval(conclusion: Conclusion, until: Date | null): Conclusion {
  if (until === null || isOver(conclusion)) return conclusion;
  return { status: 'awaits_approval', until, isCounted: conclusion.status === 'retried' };
}

/** The event that tells watchers of a conclusion. */
export function toEvent(
  conclusion: Conclusion,
  totals: { agent: string; costUsd: number; turns: number; durationMs: number; now: Date },
): NewEvent {
  const { agent, costUsd, turns, durationMs, now } = totals;
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
        },
      };
    case 'failed':
      return { type: 'run.failed', data: { error: toRunError(conclusion.code) } };
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

/** What a conclusion changes in the run's row. */
export function toColumns(conclusion: Conclusion, { max_attempts: maxAttempts, unnamed_parks }: Counts) {
  const finished_at = sql<Date>`now()`;
  switch (conclusion.status) {
    case 'succeeded': {
      const { result, structuredOutput } = conclusion;
      const structured_output = structuredOutput === undefined ? null : JSON.stringify(structuredOutput);
      return { status: conclusion.status, finished_at, result: toStorable(result), structured_output };
    }
    case 'failed': {
      const { status, code, detail } = conclusion;
      return { status, finished_at, error_code: code, error_detail: toStorable(detail) };
    }
    case 'cancelled':
      return { status: conclusion.status, finished_at, error_code: 'cancelled' };
    case 'handed_back':
      // An attempt that its worker gave up is not one of those the run may have, nor is it to blame for the wait after it.
      return { status: 'queued' as const, max_attempts: maxAttempts + 1, parked_at: sql<Date>`clock_timestamp()` };
    case 'parked':
      return {
        status: 'waiting' as const,
        waiting_for: 'provider_limit',
        parked_at: conclusion.isNamed ? sql<Date>`clock_timestamp()` : null,
        // As with one that its worker gave up.
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

/** When a wait that begins now ends, as events tell it. */
function toUntil(now: Date, delaySeconds: number): string {
  return new Date(now.getTime() + delaySeconds * 1_000).toISOString();
}
