import { sql } from 'kysely';
import type { NewEvent } from '../../core/events.ts';
import type { Transaction } from '../../db/database.ts';
import { toApproval, toRequestedEvent, toResolvedEvent, toUnusedEvent } from '../approvals/approval.ts';

export interface ClosedApprovals {
  /** Events that the run's log does not have yet: to be written in the same transaction. */
  readonly events: readonly NewEvent[];
  /** Earliest expiry of the pending approvals; null when none is pending. */
  readonly waitsUntil: Date | null;
}

/**
 * Completes the approvals of a run whose row `trx` has locked, at the end of an attempt: a worker that died may have
 * reported none of them. With `isOver`, cancels pending approvals, and reports the allowed approvals that were never
 * used.
 */
export async function closeApprovals(
  trx: Transaction,
  { runId, isOver }: { runId: string; isOver: boolean },
): Promise<ClosedApprovals> {
  const find = () =>
    trx
      .selectFrom('longhaul.approvals')
      .selectAll()
      .where('run_id', '=', runId)
      .where((row) =>
        row.or([
          row('status', '=', 'pending'),
          row('is_resolved_told', '=', false),
          ...(isOver ? [row.and([row('status', '=', 'allowed'), row('consumed_at', 'is', null)])] : []),
        ]),
      )
      .orderBy('id')
      .forUpdate()
      .execute();
  let rows = await find();
  if (rows.length === 0) return { events: [], waitsUntil: null };
  if (isOver && rows.some(({ status }) => status === 'pending')) {
    await trx
      .updateTable('longhaul.approvals')
      .set({ status: 'cancelled', decided_at: sql<Date>`now()` })
      .where('run_id', '=', runId)
      .where('status', '=', 'pending')
      .execute();
    rows = await find();
  }
  await trx
    .updateTable('longhaul.approvals')
    .set({ is_requested_told: true, is_resolved_told: sql<boolean>`status <> 'pending'` })
    .where(
      'id',
      'in',
      rows.map(({ id }) => id),
    )
    .execute();
  const events = rows.flatMap((row) => {
    const approval = toApproval(row);
    return [
      ...(row.is_requested_told ? [] : [toRequestedEvent(approval)]),
      ...(row.status === 'pending' || row.is_resolved_told ? [] : [toResolvedEvent(approval)]),
      ...(isOver && row.status === 'allowed' && row.consumed_at === null ? [toUnusedEvent(approval)] : []),
    ];
  });
  const waiting = rows.filter(({ status }) => status === 'pending').map(({ expires_at: at }) => at);
  return { events, waitsUntil: waiting.sort((a, b) => a.getTime() - b.getTime())[0] ?? null };
}
