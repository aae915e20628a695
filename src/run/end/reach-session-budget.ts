import type { Selectable } from 'kysely';
import type { Micros } from '../../core/money.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import { isBoundBySession } from '../run.ts';
import { readSessionCeiling } from '../sessions/session-budget.ts';
import type { Conclusion } from './conclude.ts';

interface Reached {
  /** The run's row, which `trx` has locked. */
  readonly row: Selectable<RunsTable>;
  readonly conclusion: Conclusion;
  /** Cost of the run with the attempt that has ended. */
  readonly costMicros: Micros;
}

/**
 * Lets a run that has reached what its session's budget leaves it wait until the budget is raised, where it would fail for
 * its own ceiling. If the budget was raised during the attempt, the run continues at once. Locks the session, and leaves
 * any other conclusion as it is.
 */
export async function waitForSessionBudget(
  trx: Transaction,
  { row, conclusion, costMicros }: Reached,
): Promise<Conclusion> {
  if (!isBoundBySession(row) || !isForMoney(conclusion, costMicros >= row.session_ceiling_micros)) return conclusion;
  if (row.cancel_requested_at !== null) return { status: 'cancelled' };
  const ceilingMicros = await readSessionCeiling(trx, row);
  const isRaised = ceilingMicros === null || ceilingMicros > Math.max(costMicros, row.session_ceiling_micros);
  return isRaised ? { status: 'budget_raised', ceilingMicros } : { status: 'awaits_session_budget' };
}

/** An answer that the rest of the money does not pay for is cut off, as too long an answer is. */
function isForMoney(conclusion: Conclusion, isSpent: boolean): boolean {
  if (conclusion.status !== 'failed') return false;
  return conclusion.code === 'max_budget' || (isSpent && conclusion.code === 'max_output_tokens');
}
