import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** Longer than a year, so that a budget can be compared with the same month's before. The ledger and its sums stay. */
const BUDGET_DAYS = 400;

/** Removes what only the present is judged by: windows of rate limits, budgets long past, limits nobody met again. */
export async function removeOldCounts(database: Database): Promise<void> {
  await sql`delete from longhaul.rate_limits where expire < extract(epoch from now()) * 1000`.execute(database.sql);
  await sql`delete from longhaul.provider_limits where until < now() - interval '1 day'`.execute(database.sql);
  await sql`delete from longhaul.budget_accounts where start < current_date - ${sql.lit(BUDGET_DAYS)}::int
    and reserved_micros = 0`.execute(database.sql);
}
