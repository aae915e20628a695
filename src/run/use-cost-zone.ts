import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';

/** Attempts summed up in one statement. */
const BATCH_SIZE = 2_000;

/**
 * Sees to it that the sums of the ledger are by the days of `timeZone`, and makes them anew when they are not: about 20 s
 * for a million entries, in which whoever settles a run waits. Returns whether they were. Servers whose configurations
 * name different time zones undo each other's at every start.
 */
export async function useCostZone(database: Database, timeZone: string): Promise<boolean> {
  if (await isUsed(database.sql, timeZone)) return false;
  return database.sql.transaction().execute(async (trx) => {
    await sql`lock table longhaul.cost_rollups in exclusive mode`.execute(trx);
    // Another may have done it meanwhile.
    if (await isUsed(trx, timeZone)) return false;
    await sql`delete from longhaul.cost_rollups`.execute(trx);
    for (let after: string | null = NO_ATTEMPT; after !== null;) after = await sumUpBatch(trx, { after, timeZone });
    await sql`insert into longhaul.cost_zone (zone) values (${timeZone})
      on conflict ((true)) do update set zone = excluded.zone`.execute(trx);
    return true;
  });
}

const NO_ATTEMPT = '00000000-0000-0000-0000-000000000000';

async function isUsed(on: Database['sql'], timeZone: string): Promise<boolean> {
  const { rows } = await sql`select 1 from longhaul.cost_zone where zone = ${timeZone}`.execute(on);
  return rows.length > 0;
}

/** Sums up the next attempts after one, by their ids; returns the last of them, or null when there was none. */
async function sumUpBatch(
  trx: Transaction,
  { after, timeZone }: { after: string; timeZone: string },
): Promise<string | null> {
  const { rows } = await sql<{ last: string | null }>`
    with next as (
      select distinct attempt_id from longhaul.ledger_entries
       where attempt_id > ${after} order by attempt_id limit ${sql.lit(BATCH_SIZE)}),
    batch as (
      select array_agg(entry) as entries from longhaul.ledger_entries as entry
       where attempt_id in (select attempt_id from next))
    select (select max(attempt_id::text) from next) as last, longhaul.sum_up(batch.entries, ${timeZone}) from batch`.execute(
    trx,
  );
  return rows[0]?.last ?? null;
}
