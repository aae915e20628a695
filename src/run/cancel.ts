import { sql } from 'kysely';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import { toUsd } from '../core/money.ts';
import { isFinal } from '../core/states.ts';
import { CHANNELS } from '../db/database.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import { appendEvents } from './append-events.ts';
import { spendBudget } from './budget.ts';
import { wakeNext } from './park.ts';
import type { RunDeps } from './rules.ts';
import { toRun, type Run } from './run.ts';
import { isSeenBy, SEES_ALL, type Viewer } from './viewer.ts';

interface Canceller {
  /** For the audit record. */
  readonly actor: string;
  readonly viewer: Viewer;
}

const LONGHAUL: Canceller = { actor: SYSTEM_ACTOR, viewer: SEES_ALL };

/**
 * Cancels a run: one that is not running at once, a running one by asking its worker, which ends the
 * process tree and settles the run within seconds. A run that has ended is left as it is. `by` is who asked.
 * Returns the run as it then stands, or null when there is none that the viewer may see.
 *
 * Locks the message of a queued run, then its row, in the order in which a claim does: of two that come at the same
 * moment one waits, and finds either no message or a running run.
 */
export async function cancelRun(deps: RunDeps, runId: string, by: Canceller = LONGHAUL): Promise<Run | null> {
  const run = await retryDeadlock(() => cancelOnce(deps, { runId, ...by }));
  // Should it fail, the next run's end does it.
  if (run?.status === 'cancelled') await wakeNext(deps, run).catch(() => {});
  return run;
}

async function cancelOnce(
  { database, queue, rules }: RunDeps,
  { runId, actor, viewer }: Canceller & { runId: string },
): Promise<Run | null> {
  return database.sql.transaction().execute(async (trx) => {
    const seen = await trx
      .selectFrom('longhaul.runs')
      .select(['status', 'queue'])
      .where('id', '=', runId)
      .where(isSeenBy(viewer))
      .executeTakeFirst();
    if (seen === undefined) return null;
    if (seen.status === 'queued' || seen.status === 'waiting') await queue.remove(trx, { runId, queue: seen.queue });
    const row = await trx
      .selectFrom('longhaul.runs')
      .selectAll()
      .where('id', '=', runId)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) return null;
    if (isFinal(row.status)) return toRun(row);
    const { status, agent, user_id: user, team } = row;
    await recordAudit(trx, {
      actor,
      action: 'run.cancel_requested',
      subject: runId,
      data: { status, agent, user, team },
    });
    if (row.status === 'running') {
      await trx
        .updateTable('longhaul.runs')
        .set({ cancel_requested_at: sql<Date>`coalesce(cancel_requested_at, now())` })
        .where('id', '=', runId)
        .execute();
      await sql`select pg_notify(${CHANNELS.cancel}, ${runId})`.execute(trx);
      return toRun(row);
    }
    await queue.remove(trx, { runId, queue: row.queue });
    await appendEvents(trx, {
      runId,
      attempt: row.attempt,
      events: [{ type: 'run.cancelled', data: { costUsd: toUsd(row.cost_micros) } }],
    });
    const cancelled = await trx
      .updateTable('longhaul.runs')
      .set({
        status: 'cancelled',
        waiting_for: null,
        waits_for_scope: null,
        held_for: null,
        error_code: 'cancelled',
        finished_at: sql<Date>`now()`,
      })
      .where('id', '=', runId)
      .returningAll()
      .executeTakeFirstOrThrow();
    const data = { agent, user, team, costUsd: toUsd(row.cost_micros) };
    await recordAudit(trx, { actor, action: 'run.cancelled', subject: runId, data });
    await spendBudget(trx, { runId, spentMicros: 0, isOver: true, rules });
    return toRun(cancelled);
  });
}
