import { sql, type Selectable } from 'kysely';
import { recordAudit, type AuditRecord } from '../../audit/record.ts';
import type { NewEvent } from '../../core/events.ts';
import { toUsd } from '../../core/money.ts';
import { toStorable } from '../../core/text.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import { promoteMessages, takeUnreadMessages } from '../accept/promote-messages.ts';
import { changeRun, type RunColumns } from '../log/change-run.ts';
import type { FinalConclusion } from './conclude.ts';
import { releaseHeld } from '../waiting/concurrency.ts';
import { bookNow } from '../money/bookings.ts';
import { bookAttempt, type Booking } from '../money/ledger.ts';
import { noteWebhooks } from '../webhooks/note-webhooks.ts';
import { releaseBudget } from '../money/reserve-budget.ts';
import type { RunDeps } from '../rules.ts';
import { isAtCeiling, toRunError } from '../run.ts';
import { traceEnd } from './trace-end.ts';
import { releaseNextInSession } from '../waiting/session-gate.ts';
import { lockSession, noteIdle } from '../sessions/note-idle.ts';
import { releaseSession } from '../sessions/sessions.ts';

interface RunEnd {
  readonly deps: Pick<RunDeps, 'queue' | 'rules'>;
  /** The run's row, which `trx` has locked. */
  readonly row: Selectable<RunsTable>;
  readonly conclusion: FinalConclusion;
  /** Events that belong before the final one. */
  readonly events: readonly NewEvent[];
  /** Further changes of the row. Sums are complete: the final event reports them. */
  readonly columns: RunColumns & Partial<Sums>;
  /** The spending of the attempt that ends with the run; null: the run was not running. */
  readonly booking: Booking | null;
  /** Makes the entry of the audit record, from the row as the run's end leaves it. */
  readonly toAudit: (ended: Selectable<RunsTable>) => Pick<AuditRecord, 'actor' | 'data'>;
}

type Sums = Pick<Selectable<RunsTable>, 'cost_micros' | 'turns' | 'duration_ms'>;
type Ended = Sums & Pick<Selectable<RunsTable>, 'limits' | 'session_ceiling_micros'>;

/**
 * Ends a run, with all consequences. Every run ends here: when its last attempt is settled, by its worker or by the
 * sweep, or when it is cancelled while it is queued or waiting. Returns its row. Call `wakeAfterEnd` after the commit.
 *
 * Locks in this order: the run's row (the caller), its session, its message, the runs that it releases, and last the
 * budgets: with the commit, after the sums, when it books an attempt.
 */
export async function endRun(trx: Transaction, end: RunEnd): Promise<Selectable<RunsTable>> {
  const { deps, row, conclusion, columns, booking, toAudit } = end;
  const { queue, rules } = deps;
  const ended = await changeRun(trx, {
    runId: row.id,
    attempt: row.attempt,
    events: [
      ...end.events,
      toFinalEvent(conclusion, { ...row, ...columns, session_ceiling_micros: row.session_ceiling_micros }),
    ],
    columns: { ...columns, ...toFinalColumns(conclusion) },
  });
  await recordAudit(trx, { ...toAudit(ended), action: `run.${conclusion.status}`, subject: row.id });
  await noteWebhooks(trx, ended);
  await traceEnd(trx, ended);
  if (booking !== null) await releaseSession(trx, { sessionId: row.session_id, runId: row.id });
  if (row.is_managed) await lockSession(trx, row.session_id);
  await queue.remove(trx, { runId: row.id, queue: row.queue });
  if (booking !== null) await releaseHeld(trx, { queue, row });
  await releaseNextInSession(trx, { queue, sessionId: row.session_id });
  const messages = await takeUnreadMessages(trx, row.id);
  if (booking !== null) await bookAttempt(trx, booking, rules);
  else await releaseBudget(trx, { runId: row.id, rules });
  if (messages.length > 0) {
    // With the money that the ended run has released.
    await bookNow(trx);
    await promoteMessages(trx, { deps, runId: row.id, messages });
  }
  if (row.is_managed) await noteIdle(trx, row.session_id);
  return ended;
}

function toFinalEvent(conclusion: FinalConclusion, run: Ended): NewEvent {
  const costUsd = toUsd(run.cost_micros);
  switch (conclusion.status) {
    case 'succeeded':
      return {
        type: 'run.succeeded',
        data: {
          result: toStorable(conclusion.result),
          ...(conclusion.structuredOutput !== undefined && { structuredOutput: conclusion.structuredOutput }),
          costUsd,
          turns: run.turns,
          durationMs: run.duration_ms ?? 0,
          ...(isAtCeiling(run, run.cost_micros) && { isAtCeiling: true }),
        },
      };
    case 'failed':
      return { type: 'run.failed', data: { error: toRunError(conclusion.code, conclusion.category) } };
    case 'cancelled':
      return { type: 'run.cancelled', data: { costUsd } };
  }
}

function toFinalColumns(conclusion: FinalConclusion) {
  const finished_at = sql<Date>`now()`;
  switch (conclusion.status) {
    case 'succeeded': {
      const { status, result, structuredOutput } = conclusion;
      const structured_output = structuredOutput === undefined ? null : JSON.stringify(structuredOutput);
      return { status, finished_at, result: toStorable(result), structured_output };
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
  }
}
