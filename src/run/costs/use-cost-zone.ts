import { sql } from 'kysely';
import type { Database, Transaction } from '../../db/database.ts';

/**
 * Entries summed in one statement, by time, so that the sums of a day are written a few times rather than once for
 * every entry.
 */
const BATCH_SIZE = 20_000;

/**
 * Makes the sums of the ledger use the days of `timeZone`, and computes them again when they do not: about 45 s for a
 * million entries, during which every settlement waits. Returns whether they were computed. Servers whose
 * configurations name different time zones undo each other's work at every start.
 */
export async function useCostZone(
  database: Database,
  timeZone: string,
  { batchSize = BATCH_SIZE }: { batchSize?: number } = {},
): Promise<boolean> {
  if (await isUsed(database.sql, timeZone)) return false;
  // Another server may be doing it, and `sql` would give up a silent wait for its lock.
  return database.patientSql.transaction().execute(async (trx) => {
    await sql`lock table longhaul.cost_rollups in exclusive mode`.execute(trx);
    // Another server may have done it meanwhile.
    if (await isUsed(trx, timeZone)) return false;
    await sql`delete from longhaul.cost_rollups`.execute(trx);
    for (let after: Date | null = LONG_AGO; after !== null;)
      after = await sumUpBatch(trx, { after, timeZone, batchSize });
    await sql`insert into longhaul.cost_zone (zone) values (${timeZone})
      on conflict ((true)) do update set zone = excluded.zone`.execute(trx);
    return true;
  });
}

const LONG_AGO = new Date(0);

async function isUsed(on: Database['sql'], timeZone: string): Promise<boolean> {
  const { rows } = await sql`select 1 from longhaul.cost_zone where zone = ${timeZone}`.execute(on);
  return rows.length > 0;
}

/**
 * Sums the next entries after a time, and all entries that share the last one's time. Returns that time, or null when
 * there was none. Times have microseconds and `Date` has milliseconds, so a batch begins and ends at whole
 * milliseconds.
 */
async function sumUpBatch(
  trx: Transaction,
  { after, timeZone, batchSize }: { after: Date; timeZone: string; batchSize: number },
): Promise<Date | null> {
  const { rows } = await sql<{ until: Date | null }>`
    with last as (
      select date_trunc('milliseconds', max(at)) + interval '1 millisecond' as until
        from (select at from longhaul.ledger_entries where at >= ${after} order by at limit ${sql.lit(batchSize)}) as next),
    batch as (
      select array_agg(entry) as entries from longhaul.ledger_entries as entry, last
       where entry.at >= ${after} and entry.at < last.until)
    select last.until, longhaul.sum_up(batch.entries, ${timeZone}) from batch, last`.execute(trx);
  return rows[0]?.until ?? null;
}
