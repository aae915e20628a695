import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

const RETENTION_DAYS = 90;

/** Longer than a delivery is tried: what is pending still is for a channel that no configuration names any more. */
const FORSAKEN_HOURS = 25;

/** Removes the alerts that were over 90 days ago, with their deliveries; returns how many. Any number may do it at once. */
export async function removeOldAlerts(database: Database, now: Date): Promise<number> {
  await sql`
    update longhaul.alert_deliveries set status = 'failed', last_error = coalesce(last_error, 'there is no such channel')
     where status = 'pending' and at < ${now}::timestamptz - ${FORSAKEN_HOURS} * interval '1 hour'`.execute(
    database.sql,
  );
  const { rows } = await sql`
    delete from longhaul.alerts
     where resolved_at < ${now}::timestamptz - ${RETENTION_DAYS} * interval '1 day' returning id`.execute(database.sql);
  return rows.length;
}
