import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';
import type { Lease } from '../log/append-events.ts';
import { toSound, type Spending } from './spending.ts';

/**
 * Saves what the gateway has metered so far, so that the cost of an attempt is known even if its worker dies this
 * instant. Returns false, and writes nothing, when the caller no longer holds the lease.
 */
export async function recordMetered(
  database: Database,
  { lease, metered }: { lease: Lease; metered: Spending },
): Promise<boolean> {
  const { models, costMicros } = toSound(metered);
  const { rows } = await sql`
    update longhaul.attempts set metered = ${JSON.stringify(models)}::json, metered_cost_micros = ${costMicros}
     where run_id = ${lease.runId} and fence = ${lease.fence} and finished_at is null
    returning id`.execute(database.preparedSql);
  return rows.length > 0;
}
