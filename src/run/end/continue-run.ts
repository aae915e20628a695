import { sql, type Selectable } from 'kysely';
import type { NewEvent } from '../../core/events.ts';
import type { Micros } from '../../core/money.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import { changeRun, type RunColumns } from '../log/change-run.ts';
import type { OpenConclusion } from './conclude.ts';
import { releaseHeld } from '../waiting/concurrency.ts';
import { bookAttempt, type Booking } from '../money/ledger.ts';
import { noteWebhooks } from '../webhooks/note-webhooks.ts';
import { SESSION_WAIT, toSessionWait } from '../waiting/park.ts';
import { toQueueMessage } from '../waiting/place-in-line.ts';
import type { RunDeps } from '../rules.ts';
import { toRunError } from '../run.ts';
import { placeNotes } from '../sessions/session-budget.ts';
import { releaseSession } from '../sessions/sessions.ts';

interface Continuation {
  readonly deps: Pick<RunDeps, 'queue' | 'rules'>;
  /** The run's row, which `trx` has locked. */
  readonly row: Selectable<RunsTable>;
  readonly conclusion: OpenConclusion;
  /** Events that belong before the event that reports the conclusion. */
  readonly events: readonly NewEvent[];
  /** Further changes of the row. */
  readonly columns: RunColumns;
  readonly booking: Booking;
  /** By the database's clock. */
  readonly now: Date;
}

/**
 * Ends an attempt whose run continues: puts the run back in its queue, for now or for later, or lets it wait. Returns
 * its row. Locks in the order of `endRun`.
 */
export async function continueRun(trx: Transaction, continuation: Continuation): Promise<Selectable<RunsTable>> {
  const { deps, row, conclusion, events, columns, booking, now } = continuation;
  const { queue, rules } = deps;
  const continued = await changeRun(trx, {
    runId: row.id,
    attempt: row.attempt,
    events: [...events, toEvent(conclusion, { row, costMicros: row.cost_micros + booking.charge.costMicros, now })],
    columns: { ...columns, ...toColumns(conclusion, row) },
  });
  await noteWebhooks(trx, continued);
  await releaseSession(trx, { sessionId: row.session_id, runId: row.id });
  const isForBudget = conclusion.status === 'awaits_session_budget';
  if (isForBudget || conclusion.status === 'budget_raised') await placeNotes(trx, continued);
  // The decision, or its expiry, queues a run that waits for a person; a higher budget a run that waits for its session.
  if (conclusion.status === 'awaits_approval' || isForBudget)
    await queue.remove(trx, { runId: row.id, queue: row.queue });
  else await queue.requeue(trx, toQueueMessage(row, toNextStart(conclusion, now)));
  await releaseHeld(trx, { queue, row });
  await bookAttempt(trx, booking, rules);
  return continued;
}

/** Time at which the run is tried again; null: at once. */
function toNextStart(conclusion: OpenConclusion, now: Date): Date | null {
  const delaySeconds = 'delaySeconds' in conclusion ? conclusion.delaySeconds : 0;
  return delaySeconds > 0 ? addSeconds(now, delaySeconds) : null;
}

/** The event that reports the conclusion to watchers. */
function toEvent(
  conclusion: OpenConclusion,
  { row: { agent }, costMicros, now }: { row: Selectable<RunsTable>; costMicros: Micros; now: Date },
): NewEvent {
  switch (conclusion.status) {
    case 'handed_back':
      return { type: 'run.queued', data: { agent, reason: 'handed_back' } };
    case 'parked': {
      const until = addSeconds(now, conclusion.delaySeconds).toISOString();
      return { type: 'run.waiting', data: { waitingFor: 'provider_limit', until } };
    }
    case 'awaits_approval':
      return { type: 'run.waiting', data: { waitingFor: 'approval', until: conclusion.until.toISOString() } };
    case 'awaits_session_budget':
      return toSessionWait(costMicros);
    case 'budget_raised':
      return { type: 'run.queued', data: { agent, reason: 'resumed' } };
    case 'retried': {
      const { code, delaySeconds } = conclusion;
      return { type: 'run.retrying', data: { error: toRunError(code), delaySeconds } };
    }
  }
}

type Counts = Pick<Selectable<RunsTable>, 'max_attempts' | 'unnamed_parks'>;

/** The changes that the conclusion makes to the run's row. */
function toColumns(conclusion: OpenConclusion, { max_attempts: maxAttempts, unnamed_parks }: Counts) {
  switch (conclusion.status) {
    case 'handed_back':
      // An attempt that its worker handed back does not count towards `maxAttempts`. `parked_at` begins a time that the
      // deadline leaves out, in any state.
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
    case 'awaits_session_budget':
      return { ...SESSION_WAIT, max_attempts: maxAttempts + 1 };
    case 'budget_raised':
      return {
        status: 'queued' as const,
        session_ceiling_micros: conclusion.ceilingMicros,
        parked_at: sql<Date>`clock_timestamp()`,
        max_attempts: maxAttempts + 1,
      };
    case 'retried':
      return { status: 'queued' as const };
  }
}

function addSeconds(time: Date, seconds: number): Date {
  return new Date(time.getTime() + seconds * 1_000);
}
