import { sql } from 'kysely';
import type { Transaction } from '../../db/database.ts';

/**
 * Locks a session that a client of Claude Managed Agents has made, so that no turn begins until the commit. Returns
 * false, and locks nothing, for any other session.
 */
export async function lockManagedSession(trx: Transaction, sessionId: string): Promise<boolean> {
  const { rows } = await sql`
    select id from longhaul.sessions where id = ${sessionId} and is_managed for update`.execute(trx);
  return rows.length > 0;
}

/**
 * Notes behind the last turn of a session that it is idle, unless one of its runs is unfinished. Call it in the
 * transaction that ends a run, under the lock of `lockManagedSession`: for each time that a session comes to rest one
 * turn is noted, and no reader has to conclude it.
 */
export async function noteIdle(trx: Transaction, sessionId: string): Promise<void> {
  await sql`
    update longhaul.runs set ends_idle = true
     where id = (select id from longhaul.runs where session_id = ${sessionId} order by session_turn desc limit 1)
       and not exists (select from longhaul.runs where session_id = ${sessionId} and finished_at is null)`.execute(trx);
}
