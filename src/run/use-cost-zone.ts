import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';

/** Entries summed up in one statement: by time, so that the sums of a day are written a few times and not for every entry. */
const BATCH_SIZE = 20_000;

/**
 * Sees to it that the sums of the ledger are by the days of `timeZone`, and makes them anew when they are not: about 45 s
 * for a million entries, in which whoever settles a run waits. Returns whether they were. Servers whose configurations
 * name different time zones undo each other's at every start.
 */
export async function useCostZone(
  database: Database,
  timeZone: string,
  { batchSize = BATCH_SIZE }: { batchSize?: number } = {},
): Promise<boolean> {
  if (await isUsed(database.sql, timeZone)) return false;
  // Another may be at it: waiting for that is silent.
  return database.patientSql.transaction().execute(async (trx) => {
    await sql`lock table longhaul.cost_rollups in exclusive mode`.execute(trx);
    // Another may have done it meanwhile.
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
 * Sums up the next entries after a time, and all that share the last one's; returns that, or null when there was none.
 * Times are kept to the microsecond and `Date` has milliseconds: a batch begins and ends at whole ones.
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
