import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** Runs deleted in one statement, so that no lock is held long. */
const BATCH_SIZE = 500;

/**
 * Deletes the runs that ended more than `retentionDays` ago, with their events and attempts; returns their number. The
 * ledger stays: it is the record of money.
 */
export async function removeExpiredRuns(
  database: Database,
  { retentionDays }: { retentionDays: number },
): Promise<number> {
  let removed = 0;
  for (;;) {
    const { rows } = await sql`
      delete from longhaul.runs where id in (
        select id from longhaul.runs where finished_at < now() - ${retentionDays} * interval '1 day'
         order by finished_at limit ${sql.lit(BATCH_SIZE)} for update skip locked)
      returning id`.execute(database.sql);
    removed += rows.length;
    if (rows.length < BATCH_SIZE) break;
  }
  await removeForsakenSessions(database, retentionDays);
  return removed;
}

/** Deletes sessions whose last run was deleted. */
async function removeForsakenSessions(database: Database, retentionDays: number): Promise<void> {
  for (;;) {
    const { rows } = await sql`
      delete from longhaul.sessions where id in (
        select id from longhaul.sessions as session
         where updated_at < now() - ${retentionDays} * interval '1 day'
           and not exists (select from longhaul.runs where session_id = session.id)
         limit ${sql.lit(BATCH_SIZE)} for update skip locked)
      returning id`.execute(database.sql);
    if (rows.length < BATCH_SIZE) return;
  }
}
