import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** A delivery that was taken is taken again after this: whoever had it died, or lost the database. */
const TAKEN_MS = 60_000;

/** Of one lane under way at once, over all servers; two that look at the very same moment may briefly make it more. */
export const MOST_IN_LANE = 4;

/** A delivery taken for an attempt. */
export interface DueDelivery {
  readonly id: string;
  readonly endpointId: string | null;
  readonly keyId: string;
  readonly url: string;
  readonly body: string;
  /** With this one. */
  readonly attempts: number;
  /** After this one. */
  readonly attemptsLeft: number;
  /** Why nothing is to be sent any more; null: it is. */
  readonly obstacle: string | null;
}

/**
 * Takes up to `limit` deliveries that are due, of each lane as many as it has room for: what a slow address has waiting
 * keeps nobody else's back. Whoever else looks at this moment takes others.
 */
export async function takeDue(
  database: Database,
  { now, limit }: { now: Date; limit: number },
): Promise<DueDelivery[]> {
  const at = sql`${now}::timestamptz`;
  const isFree = sql`(taken_until is null or taken_until <= ${at})`;
  const { rows } = await sql<DueDelivery>`
    with due as (
      select lane, min(next_attempt_at) as since from longhaul.webhook_deliveries
       where status = 'pending' and next_attempt_at <= ${at} and ${isFree} group by lane),
    lanes as (
      select lane, since, ${sql.lit(MOST_IN_LANE)} - (
          select count(*) from longhaul.webhook_deliveries
           where lane = due.lane and status = 'pending' and taken_until > ${at}) as room
        from due),
    chosen as (
      select one.id from lanes cross join lateral (
        select id from longhaul.webhook_deliveries
         where lane = lanes.lane and status = 'pending' and next_attempt_at <= ${at} and ${isFree}
         order by next_attempt_at, id limit greatest(lanes.room, 0) for update skip locked) as one
       order by lanes.since limit ${limit}),
    taken as (
      update longhaul.webhook_deliveries
         set attempts = attempts + 1, attempts_left = attempts_left - 1, last_attempt_at = ${at},
             taken_until = ${new Date(now.getTime() + TAKEN_MS)}::timestamptz
       where id in (select id from chosen)
      returning *)
    select taken.id, taken.endpoint_id as "endpointId", taken.key_id as "keyId", taken.url, taken.body, taken.attempts,
           taken.attempts_left as "attemptsLeft",
           case when key.revoked_at is not null then 'its API key was revoked'
                when taken.endpoint_id is not null and endpoint.id is null then 'its webhook was removed'
                when endpoint.disabled_at is not null then 'its webhook is disabled' end as obstacle
      from taken
      left join longhaul.api_keys as key on key.id = taken.key_id
      left join longhaul.webhook_endpoints as endpoint on endpoint.id = taken.endpoint_id`.execute(database.sql);
  return rows;
}

/** What has become of an attempt. */
export type AttemptResult = {
  readonly responseStatus: number | null;
  readonly error: string | null;
  readonly responseText: string | null;
} & (
  | { readonly status: 'delivered'; readonly at: Date }
  | { readonly status: 'failed' }
  | { readonly status: 'pending'; readonly nextAttemptAt: Date }
);

/** Writes down how an attempt went. Nothing is noted once another has taken the delivery. */
export async function noteAttempt(
  database: Database,
  { id, attempts }: DueDelivery,
  result: AttemptResult,
): Promise<void> {
  await database.sql
    .updateTable('longhaul.webhook_deliveries')
    .set({
      status: result.status,
      taken_until: null,
      response_status: result.responseStatus,
      last_error: result.error,
      response_text: result.responseText,
      ...(result.status === 'delivered' && { delivered_at: result.at }),
      ...(result.status === 'pending' && { next_attempt_at: result.nextAttemptAt }),
    })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .execute();
}

/** Gives back what was taken by a process that is leaving before it was known how it went: it counts for no attempt. */
export async function giveBack(database: Database, { id, attempts }: DueDelivery): Promise<void> {
  await database.sql
    .updateTable('longhaul.webhook_deliveries')
    .set((row) => ({ taken_until: null, attempts_left: row('attempts_left', '+', 1) }))
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .execute();
}

/** Sends an endpoint nothing more: it has said that it is gone. */
export async function disableEndpoint(database: Database, id: string): Promise<void> {
  await sql`update longhaul.webhook_endpoints set disabled_at = clock_timestamp() where id = ${id} and disabled_at is null`.execute(
    database.sql,
  );
}

/** Removes the tests of a week ago; what was told of runs goes with them. */
export async function removeOldTests(database: Database): Promise<void> {
  await sql`delete from longhaul.webhook_deliveries where run_id is null and created_at < now() - interval '7 days'`.execute(
    database.sql,
  );
}
