import { sql } from 'kysely';
import type { Transaction } from '../../db/database.ts';
import { noteSessionStatus } from '../webhooks/note-session-status.ts';

/** Locks a session, so that no turn of it begins until the commit. */
export async function lockSession(trx: Transaction, sessionId: string): Promise<void> {
  await sql`select from longhaul.sessions where id = ${sessionId} for update`.execute(trx);
}

/**
 * Notes on the last turn of a managed session that the session is idle behind it, unless one of its runs is unfinished. Call
 * it in the transaction that ends a run, under the lock of `lockSession`: each time that a session comes to rest one turn is
 * noted, and no reader has to conclude it. Queues the webhook deliveries of that.
 */
export async function noteIdle(trx: Transaction, sessionId: string): Promise<void> {
  const { rows } = await sql`
    update longhaul.runs set ends_idle = true
     where id = (select id from longhaul.runs where session_id = ${sessionId} order by session_turn desc limit 1)
       and not exists (select from longhaul.runs where session_id = ${sessionId} and finished_at is null)
    returning id`.execute(trx);
  if (rows.length > 0) await noteSessionStatus(trx, { sessionId, status: 'idle' });
}
