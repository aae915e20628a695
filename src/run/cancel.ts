import { sql } from 'kysely';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import { toUsd } from '../core/money.ts';
import { isFinal } from '../core/states.ts';
import { CHANNELS, type Transaction } from '../db/database.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import { closeOpenUses } from './end/close-open-uses.ts';
import { endRun } from './end/end-run.ts';
import type { EndDeps, RunDeps } from './rules.ts';
import { toRun, type Run } from './run.ts';
import { isSeenBy, SEES_ALL, type Viewer } from './viewer.ts';
import { wakeAfterEnd } from './waiting/wake-after-end.ts';

interface Canceller {
  /** For the audit record. */
  readonly actor: string;
  readonly viewer: Viewer;
}

const LONGHAUL: Canceller = { actor: SYSTEM_ACTOR, viewer: SEES_ALL };

/**
 * Cancels a run. A run that is not running is cancelled at once. For a running one, asks its worker, which ends the
 * process tree and settles the run within seconds. Leaves a finished run as it is. `by` names the caller. Returns the
 * run as it then is, or null when the viewer may see no such run.
 *
 * Locks the message of a queued run, then its row, in the order in which a claim does: when both come at the same
 * moment, one waits, and finds either no message or a running run.
 */
export async function cancelRun(deps: EndDeps, runId: string, by: Canceller = LONGHAUL): Promise<Run | null> {
  const run = await retryDeadlock(() => cancelOnce(deps, { runId, ...by }));
  if (run?.status === 'cancelled') await wakeAfterEnd(deps, run);
  return run;
}

async function cancelOnce({ database, ...deps }: RunDeps, what: Canceller & { runId: string }): Promise<Run | null> {
  return database.sql.transaction().execute((trx) => cancelWithin(trx, deps, what));
}

/** Cancels a run as `cancelRun` does, in a transaction that does more. */
export async function cancelWithin(
  trx: Transaction,
  deps: Pick<RunDeps, 'queue' | 'rules'>,
  { runId, actor, viewer = SEES_ALL }: { runId: string; actor: string; viewer?: Viewer },
): Promise<Run | null> {
  const seen = await trx
    .selectFrom('longhaul.runs')
    .select(['status', 'queue'])
    .where('id', '=', runId)
    .where(isSeenBy(viewer))
    .executeTakeFirst();
  if (seen === undefined) return null;
  if (seen.status === 'queued' || seen.status === 'waiting') await deps.queue.remove(trx, { runId, queue: seen.queue });
  const row = await trx.selectFrom('longhaul.runs').selectAll().where('id', '=', runId).forUpdate().executeTakeFirst();
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
  const { events } = await closeOpenUses(trx, { runId, isOver: true, hasUsedTools: true });
  const cancelled = await endRun(trx, {
    deps,
    row,
    conclusion: { status: 'cancelled' },
    events,
    columns: { waiting_for: null, waits_for_scope: null, held_for: null },
    booking: null,
    toAudit: () => ({ actor, data: { agent, user, team, costUsd: toUsd(row.cost_micros) } }),
  });
  return toRun(cancelled);
}
