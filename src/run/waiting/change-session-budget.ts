import type { Micros } from '../../core/money.ts';
import type { Transaction } from '../../db/database.ts';
import { reserveBudget } from '../money/reserve-budget.ts';
import type { RunDeps } from '../rules.ts';
import { leftOf } from '../run.ts';
import { lockSession } from '../sessions/note-idle.ts';
import { boundBySession, placeNotes } from '../sessions/session-budget.ts';
import { noteSessionStatus } from '../webhooks/note-session-status.ts';
import { resumeRun } from './park.ts';

/**
 * Changes the budget of a session, or removes it (null), and puts the run that waits for it in line, with what the new
 * budget leaves it. The money is reserved in the budgets of its user, its team and all together; if one of them has no
 * room, the run's claim lets it wait for that one.
 *
 * Locks the session, unless the caller has done so. Must come last in `trx`, because it locks budgets.
 */
export async function changeSessionBudget(
  trx: Transaction,
  {
    deps: { queue, rules },
    sessionId,
    budgetMicros,
  }: { deps: Pick<RunDeps, 'queue' | 'rules'>; sessionId: string; budgetMicros: Micros | null },
): Promise<void> {
  await lockSession(trx, sessionId);
  await trx
    .updateTable('longhaul.managed_sessions')
    .set({ budget_micros: budgetMicros })
    .where('id', '=', sessionId)
    .execute();
  const waiting = await trx
    .selectFrom('longhaul.runs')
    .selectAll()
    .where('session_id', '=', sessionId)
    .where('finished_at', 'is', null)
    .where('waits_for_scope', '=', 'session')
    .forUpdate()
    .executeTakeFirst();
  if (waiting === undefined) return;
  const row = await boundBySession(trx, waiting);
  await placeNotes(trx, await resumeRun(trx, { queue, row }));
  await noteSessionStatus(trx, { sessionId, status: 'running' });
  await reserveBudget(trx, { runId: row.id, amountMicros: leftOf(row), rules });
}
