import { sql } from 'kysely';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import { toUsd } from '../core/money.ts';
import { isFinal } from '../core/states.ts';
import { CHANNELS, type Transaction } from '../db/database.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import { appendEvents } from './append-events.ts';
import { spendBudget } from './budget.ts';
import { promoteMessages } from './messages.ts';
import { closeApprovals } from './close-approvals.ts';
import { closeToolUses } from './close-tool-uses.ts';
import { noteWebhooks } from './note-webhooks.ts';
import { wakeNext } from './park.ts';
import type { RunDeps } from './rules.ts';
import { toRun, type Run } from './run.ts';
import { releaseNextInSession } from './session-gate.ts';
import { isSeenBy, SEES_ALL, type Viewer } from './viewer.ts';

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
export async function cancelRun(deps: RunDeps, runId: string, by: Canceller = LONGHAUL): Promise<Run | null> {
  const run = await retryDeadlock(() => cancelOnce(deps, { runId, ...by }));
  // If this fails, the end of the next run does it.
  if (run?.status === 'cancelled') await wakeNext(deps, run).catch(() => {});
  return run;
}

async function cancelOnce({ database, ...deps }: RunDeps, what: Canceller & { runId: string }): Promise<Run | null> {
  return database.sql.transaction().execute((trx) => cancelWithin(trx, deps, what));
}

/** Cancels a run as `cancelRun` does, in a transaction that does more. */
export async function cancelWithin(
  trx: Transaction,
  { queue, rules }: Omit<RunDeps, 'database'>,
  { runId, actor, viewer = SEES_ALL }: { runId: string; actor: string; viewer?: Viewer },
): Promise<Run | null> {
  const seen = await trx
    .selectFrom('longhaul.runs')
    .select(['status', 'queue'])
    .where('id', '=', runId)
    .where(isSeenBy(viewer))
    .executeTakeFirst();
  if (seen === undefined) return null;
  if (seen.status === 'queued' || seen.status === 'waiting') await queue.remove(trx, { runId, queue: seen.queue });
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
  await queue.remove(trx, { runId, queue: row.queue });
  const { events: approvals } = await closeApprovals(trx, { runId, isOver: true });
  const openUses = await closeToolUses(trx, { runId, isOver: true });
  await appendEvents(trx, {
    runId,
    attempt: row.attempt,
    events: [...approvals, ...openUses, { type: 'run.cancelled', data: { costUsd: toUsd(row.cost_micros) } }],
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
  await noteWebhooks(trx, cancelled);
  await releaseNextInSession(trx, { queue, sessionId: row.session_id });
  await spendBudget(trx, { runId, spentMicros: 0, isOver: true, rules });
  await promoteMessages(trx, { deps: { queue, rules }, runId });
  return toRun(cancelled);
}
