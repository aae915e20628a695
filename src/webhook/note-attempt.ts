import { sql } from 'kysely';
import { WEBHOOK_ATTEMPTS, WEBHOOK_DELAYS_SECONDS } from '../core/webhooks.ts';
import type { Database } from '../db/database.ts';
import type { WebhookDelivery } from './deliveries.ts';
import type { DueDelivery } from './due-deliveries.ts';

/** By so much of itself a wait is shorter or longer, so that what failed together does not come back together. */
const JITTER = 0.1;

type Attempt = Pick<DueDelivery, 'id' | 'attempts'>;

/** How an attempt went. */
export interface AttemptResult {
  /** `missed`: it is made again while attempts are left. `refused`: it is not. */
  readonly outcome: 'delivered' | 'missed' | 'refused';
  readonly at: Date;
  readonly responseStatus: number | null;
  readonly error: string | null;
  readonly responseText: string | null;
}

/**
 * Writes down how an attempt went; returns what its delivery is now, null when another has taken it and nothing was noted.
 *
 * How many attempts are left is read from the row as it is, not as it was taken: one that was sent again by hand meanwhile
 * has all of them, and is due since then.
 */
export async function noteAttempt(
  database: Database,
  { id, attempts }: Attempt,
  { outcome, at, responseStatus, error, responseText }: AttemptResult,
): Promise<WebhookDelivery['status'] | null> {
  const { rows } = await sql<{ status: WebhookDelivery['status'] }>`
    update longhaul.webhook_deliveries
       set status = case ${outcome}::text when 'delivered' then 'delivered' when 'refused' then 'failed'
                    else case when attempts_left > 0 then 'pending' else 'failed' end end,
           next_attempt_at = case when ${outcome}::text = 'missed'
             -- There is no wait for none left, and for all of them.
             then coalesce(${at}::timestamptz + (${sql.val(toWaitsMs())}::float8[])[attempts_left] * interval '1 ms',
                           next_attempt_at)
             else next_attempt_at end,
           delivered_at = case when ${outcome}::text = 'delivered' then ${at}::timestamptz else delivered_at end,
           taken_until = null, response_status = ${responseStatus}::int, last_error = ${error}::text,
           response_text = ${responseText}::text
     where id = ${id} and attempts = ${attempts}::int
    returning status`.execute(database.sql);
  return rows[0]?.status ?? null;
}

/** How long to wait before the next attempt, in the order of how many are left: one, two, … */
function toWaitsMs(): number[] {
  return WEBHOOK_DELAYS_SECONDS.toReversed().map((seconds) => {
    return seconds * 1_000 * (1 + JITTER * (2 * Math.random() - 1));
  });
}

/** Gives back what was taken by a process that is leaving before it was known how it went: it counts for no attempt. */
export async function giveBack(database: Database, { id, attempts }: Attempt): Promise<void> {
  await sql`
    update longhaul.webhook_deliveries
       set taken_until = null, attempts_left = least(attempts_left + 1, ${sql.lit(WEBHOOK_ATTEMPTS)})
     where id = ${id} and attempts = ${attempts}::int`.execute(database.sql);
}

/** Sends an endpoint nothing more: it has said that it is gone. */
export async function disableEndpoint(database: Database, id: string): Promise<void> {
  await sql`update longhaul.webhook_endpoints set disabled_at = clock_timestamp() where id = ${id} and disabled_at is null`.execute(
    database.sql,
  );
}
