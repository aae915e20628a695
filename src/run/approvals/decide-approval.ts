import { sql } from 'kysely';
import { SYSTEM_ACTOR } from '../../audit/actors.ts';
import { recordAudit } from '../../audit/record.ts';
import type { CustomToolResult } from '../../core/custom-tools.ts';
import { isFinal } from '../../core/states.ts';
import { CHANNELS, type Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import { appendEvents } from '../log/append-events.ts';
import { toApproval, toResolvedEvent, type Approval } from './approval.ts';
import { keepCustomToolResult } from './custom-tool-uses.ts';
import { resumeRun } from '../waiting/park.ts';
import type { RunDeps } from '../rules.ts';
import { isSeenBy, SEES_ALL, type Viewer } from '../viewer.ts';

export interface Decision {
  readonly status: 'allowed' | 'denied';
  /** The input that replaces the tool's own; for a question `{ answers }`. Null: the original input. */
  readonly updatedInput: Readonly<Record<string, unknown>> | null;
  readonly reason: string | null;
  /** The client's result: it alone allows the use of a tool that the client runs, and nothing else. */
  readonly result?: CustomToolResult;
}

interface DecideOptions {
  readonly id: string;
  readonly viewer: Viewer;
  /** For the audit record. */
  readonly actor: string;
  readonly decision: Decision;
}

/** A decision's result. `conflict`: the approval was decided before, or is no longer awaited; its state says which. */
export interface Decided {
  readonly outcome: 'decided' | 'conflict';
  readonly approval: Approval;
}

/** The denial of a tool use on which no person has decided. */
const EXPIRED: Omit<Decision, 'status'> = { updatedInput: null, reason: 'Nobody has decided in time.' };

/**
 * Decides on a pending tool use, in one transaction with the audit record and, when no other approval of its run is
 * pending, the queueing of the run. Returns null when the viewer may see no such approval.
 *
 * Locks the run's row, then the approval's, in the order in which the end of an attempt does. Of two decisions at once
 * the second waits, and finds the first. A run is either parked before the decision and queued here, or its attempt's
 * end sees the decision.
 */
export async function decideApproval(deps: RunDeps, options: DecideOptions): Promise<Decided | null> {
  return retryDeadlock(() => deps.database.sql.transaction().execute((trx) => decideWithin(trx, { deps, ...options })));
}

/** Decides as `decideApproval` does, in a transaction that does more. */
export async function decideWithin(
  trx: Transaction,
  { deps, id, viewer, actor, decision }: DecideOptions & { deps: Pick<RunDeps, 'queue'> },
): Promise<Decided | null> {
  const seen = await trx
    .selectFrom('longhaul.approvals')
    .select('run_id')
    .where('id', '=', id)
    .where(isSeenBy(viewer))
    .executeTakeFirst();
  if (seen === undefined) return null;
  const run = await trx
    .selectFrom('longhaul.runs')
    .selectAll()
    .where('id', '=', seen.run_id)
    .forUpdate()
    .executeTakeFirst();
  const row = await trx
    .selectFrom('longhaul.approvals')
    .select(sql<boolean>`expires_at <= clock_timestamp()`.as('is_late'))
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (run === undefined || row === undefined) return null;
  const isOpen = row.status === 'pending' && !isFinal(run.status) && run.cancel_requested_at === null;
  if (!isOpen) return { outcome: 'conflict', approval: toApproval(row) };
  const { result } = decision;
  if (decision.status === 'allowed' && (row.kind === 'custom') !== (result !== undefined))
    throw new Error(`An approval of the kind ${row.kind} cannot be decided like this.`);
  const status = row.is_late ? 'expired' : decision.status;
  const { updatedInput, reason } = row.is_late ? EXPIRED : decision;
  const isRunning = run.status === 'running';
  const by = row.is_late ? SYSTEM_ACTOR : actor;
  const decided = await trx
    .updateTable('longhaul.approvals')
    .set({
      status,
      updated_input: updatedInput && JSON.stringify(updatedInput),
      reason,
      decided_by: by,
      decided_at: sql<Date>`clock_timestamp()`,
      // Only the worker of a running run writes to the run's log.
      is_resolved_told: !isRunning,
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  const approval = toApproval(decided);
  if (status === 'allowed' && result !== undefined) await keepCustomToolResult(trx, { approvalId: id, result });
  await recordAudit(trx, {
    actor: by,
    action: 'approval.decided',
    subject: id,
    data: {
      runId: run.id,
      agent: run.agent,
      user: run.user_id,
      team: run.team,
      kind: row.kind,
      tool: row.tool,
      decision: status,
      reason,
      updatedInput,
    },
  });
  if (isRunning) {
    await sql`select pg_notify(${CHANNELS.messages}, ${run.id})`.execute(trx);
  } else {
    await appendEvents(trx, { runId: run.id, attempt: run.attempt, events: [toResolvedEvent(approval)] });
    const isLast = run.waiting_for === 'approval' && !(await isAnyPending(trx, run.id));
    if (isLast) await resumeRun(trx, { queue: deps.queue, row: run });
  }
  return { outcome: row.is_late && actor !== SYSTEM_ACTOR ? 'conflict' : 'decided', approval };
}

async function isAnyPending(trx: Transaction, runId: string): Promise<boolean> {
  const row = await trx
    .selectFrom('longhaul.approvals')
    .select('id')
    .where('run_id', '=', runId)
    .where('status', '=', 'pending')
    .executeTakeFirst();
  return row !== undefined;
}

/** Approvals that expire in one sweep. */
const BATCH_SIZE = 100;

/** Denies the tool uses that have waited too long. Any number of workers may do it at once. Returns their number. */
export async function expireApprovals(deps: RunDeps): Promise<number> {
  const late = await deps.database.sql
    .selectFrom('longhaul.approvals')
    .select('id')
    .where('status', '=', 'pending')
    .where('expires_at', '<=', sql<Date>`clock_timestamp()`)
    .orderBy('expires_at')
    .limit(BATCH_SIZE)
    .execute();
  let expired = 0;
  for (const { id } of late) {
    const decision = { status: 'denied' as const, ...EXPIRED };
    const decided = await decideApproval(deps, { id, viewer: SEES_ALL, actor: SYSTEM_ACTOR, decision });
    if (decided?.outcome === 'decided') expired += 1;
  }
  return expired;
}
