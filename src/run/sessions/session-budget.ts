import { sql, type Selectable } from 'kysely';
import type { Micros } from '../../core/money.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import { lockSession } from './note-idle.ts';

/**
 * The budget of a managed session: what all of its runs may cost together. Its runs execute one after the other, so each
 * may spend what the runs before it have left, which is known when it begins. The claim writes that into the run
 * (`session_ceiling_micros`). A run that reaches it waits, and a change of the budget puts it in line again, with a new
 * ceiling. Both happen under the lock of the session, so a run that has to wait is either seen by the change of the
 * budget, or sees it.
 */

/**
 * Locks a run's session. Returns what its budget leaves to the run, over all of the run's attempts; null when it has none.
 */
export async function readSessionCeiling(
  trx: Transaction,
  { id, session_id: sessionId }: Pick<Selectable<RunsTable>, 'id' | 'session_id'>,
): Promise<Micros | null> {
  await lockSession(trx, sessionId);
  const { rows } = await sql<{ left: number }>`
    select ${leftOfSession(sql`and run.id <> ${id}`)} as "left"
      from longhaul.managed_sessions as managed where id = ${sessionId} and budget_micros is not null`.execute(trx);
  return rows[0]?.left ?? null;
}

/** Reads what the budgets of sessions leave now; a session without a budget is left out. */
export async function readLeftOfSessions(
  trx: Transaction,
  sessionIds: readonly string[],
): Promise<ReadonlyMap<string, Micros>> {
  if (sessionIds.length === 0) return new Map();
  const { rows } = await sql<{ id: string; left: number }>`
    select id, ${leftOfSession(sql``)} as "left"
      from longhaul.managed_sessions as managed
     where id = any(${sql.val([...sessionIds])}::uuid[]) and budget_micros is not null`.execute(trx);
  return new Map(rows.map(({ id, left }) => [id, left]));
}

function leftOfSession(condition: ReturnType<typeof sql>) {
  return sql`greatest(0, budget_micros - coalesce((
    select sum(run.cost_micros) from longhaul.runs as run where run.session_id = managed.id ${condition}), 0))::bigint`;
}

/** Writes into a run whose row `trx` has locked what the budget of its session leaves it now. Returns the row. */
export async function boundBySession(trx: Transaction, row: Selectable<RunsTable>): Promise<Selectable<RunsTable>> {
  const ceiling = await readSessionCeiling(trx, row);
  if (ceiling === row.session_ceiling_micros) return row;
  await trx.updateTable('longhaul.runs').set({ session_ceiling_micros: ceiling }).where('id', '=', row.id).execute();
  return { ...row, session_ceiling_micros: ceiling };
}

/**
 * Places the notes that wait for the end of a run before the run's newest event, which `trx` has just written: the run
 * pauses or continues there, and its end may be far away.
 */
export async function placeNotes(
  trx: Transaction,
  { session_id: sessionId, session_turn: turn, event_seq: seq }: Selectable<RunsTable>,
): Promise<void> {
  await trx
    .updateTable('longhaul.managed_notes')
    .set({ seq })
    .where('session_id', '=', sessionId)
    .where('turn', '=', turn)
    .where('is_after', '=', false)
    .where('seq', 'is', null)
    .execute();
}
