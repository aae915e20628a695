import { sql } from 'kysely';
import { WEBHOOK_ATTEMPTS, WEBHOOK_DELAYS_SECONDS } from '../core/webhooks.ts';
import type { Database } from '../db/database.ts';
import type { WebhookDelivery } from './deliveries.ts';
import type { DueDelivery } from './due-deliveries.ts';

/** Share by which a wait is longer or shorter, so that deliveries that failed together do not return together. */
const JITTER = 0.1;

type Attempt = Pick<DueDelivery, 'id' | 'attempts'>;

/** The result of an attempt. */
export interface AttemptResult {
  /** `missed`: retried while attempts are left. `refused`: not retried. */
  readonly outcome: 'delivered' | 'missed' | 'refused';
  readonly at: Date;
  readonly responseStatus: number | null;
  readonly error: string | null;
  readonly responseText: string | null;
}

/**
 * Records the result of an attempt; returns the new status of its delivery, or null when another server has claimed it
 * and nothing was recorded.
 *
 * The number of remaining attempts is read from the current row, not from the claim: a delivery that was sent again by
 * hand meanwhile has all of them, and is due since then.
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
             -- Without attempts left the time stays.
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

/** Computes the waits before the next attempt, ordered by the number of remaining attempts: one, two, … */
function toWaitsMs(): number[] {
  return WEBHOOK_DELAYS_SECONDS.toReversed().map((seconds) => {
    return seconds * 1_000 * (1 + JITTER * (2 * Math.random() - 1));
  });
}

/** Releases a delivery that a leaving process claimed and whose result is unknown: it counts for no attempt. */
export async function giveBack(database: Database, { id, attempts }: Attempt): Promise<void> {
  await sql`
    update longhaul.webhook_deliveries
       set taken_until = null, attempts_left = least(attempts_left + 1, ${sql.lit(WEBHOOK_ATTEMPTS)})
     where id = ${id} and attempts = ${attempts}::int`.execute(database.sql);
}

/** Sends nothing more to an endpoint that has answered that it is gone. */
export async function disableEndpoint(database: Database, id: string): Promise<void> {
  await sql`update longhaul.webhook_endpoints set disabled_at = clock_timestamp() where id = ${id} and disabled_at is null`.execute(
    database.sql,
  );
}
