import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { asKeeper } from './keeper.ts';

/** Entries deleted in one transaction, so that no lock is held long. */
const BATCH_SIZE = 2_000;

/**
 * Deletes the entries of whole sealed days in which every entry is older than `retentionDays`, oldest first; returns
 * their number. Their seals stay, marked, so that the chain can be verified from the first remaining entry.
 */
export async function removeExpiredAudit(
  database: Database,
  { retentionDays }: { retentionDays: number },
): Promise<number> {
  // Marked first: from then on the entries count as deleted, however many are deleted so far.
  const marked = await asKeeper(database, (trx) =>
    sql`update longhaul.audit_seals set removed_at = clock_timestamp()
         where removed_at is null and ${isExpired(retentionDays)}`.execute(trx),
  );
  if (marked === null) return 0;
  let removed = 0;
  for (;;) {
    const count = await asKeeper(database, async (trx) => {
      await sql`select set_config('longhaul.audit_removal', 'on', true)`.execute(trx);
      const { numAffectedRows } = await sql`
        delete from longhaul.audit where seq in (
          select seq from longhaul.audit
           where seq <= (select max(last_seq) from longhaul.audit_seals where removed_at is not null)
           order by seq limit ${sql.lit(BATCH_SIZE)})`.execute(trx);
      return Number(numAffectedRows ?? 0);
    });
    if (count === null) return removed;
    removed += count;
    if (count < BATCH_SIZE) return removed;
  }
}

/** SQL: true when a seal's day ended at least `retentionDays` ago. */
export function isExpired(retentionDays: number) {
  return sql<boolean>`day < ((now() at time zone 'UTC') - ${retentionDays} * interval '1 day')::date`;
}
