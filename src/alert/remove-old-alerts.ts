import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

const RETENTION_DAYS = 90;

/**
 * Longer than a delivery is retried: a delivery that is still pending is for a channel that no configuration names any
 * more.
 */
const FORSAKEN_HOURS = 25;

/**
 * Deletes alerts that were resolved more than 90 days ago, with their deliveries; returns how many. Safe to run on any
 * number of servers at once.
 */
export async function removeOldAlerts(database: Database, now: Date): Promise<number> {
  await sql`
    update longhaul.alert_deliveries set status = 'failed', last_error = coalesce(last_error, 'The channel does not exist.')
     where status = 'pending' and at < ${now}::timestamptz - ${FORSAKEN_HOURS} * interval '1 hour'`.execute(
    database.sql,
  );
  const { rows } = await sql`
    delete from longhaul.alerts
     where resolved_at < ${now}::timestamptz - ${RETENTION_DAYS} * interval '1 day' returning id`.execute(database.sql);
  return rows.length;
}
