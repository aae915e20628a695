import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/**
 * Longer than a year, so that a budget can be compared with the same month of the year before. The ledger and its sums
 * stay.
 */
const BUDGET_DAYS = 400;

/**
 * Deletes counts that matter only for the present: windows of rate limits, old budgets, and provider limits that were
 * not met again.
 */
export async function removeOldCounts(database: Database): Promise<void> {
  await sql`delete from longhaul.rate_limits where expire < extract(epoch from now()) * 1000`.execute(database.sql);
  await sql`delete from longhaul.provider_limits where until < now() - interval '1 day'`.execute(database.sql);
  await sql`delete from longhaul.budget_accounts where start < current_date - ${sql.lit(BUDGET_DAYS)}::int
    and reserved_micros = 0`.execute(database.sql);
}
