import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** Time after which a claimed delivery may be claimed again: its server died, or lost the database. */
const TAKEN_MS = 60_000;

/**
 * Most attempts of one lane in progress at once, over all servers; two servers that claim at the same moment may
 * briefly exceed it.
 */
const MOST_IN_LANE = 4;

/**
 * Lanes of a key that a poll steps through. Of the lanes after them it sees only those of the key's oldest deliveries.
 */
const MOST_LANES = 200;

/** Number of oldest deliveries of such a key. */
const OLDEST_SEEN = 64;

/** Most polls when other servers have claimed all chosen deliveries. */
const MOST_LOOKS = 3;

/** A delivery claimed for an attempt. */
export interface DueDelivery {
  readonly id: string;
  readonly endpointId: string | null;
  readonly keyId: string;
  readonly url: string;
  readonly body: string;
  /** Number of attempts, including this one. */
  readonly attempts: number;
  /** The reason why the delivery must not be sent; null: none. */
  readonly obstacle: string | null;
}

interface TakeOptions {
  readonly now: Date;
  /** Number of attempts for which this process has room. */
  readonly free: number;
  /** The API key of each attempt in progress in this process. */
  readonly underWay?: Iterable<string>;
}

/**
 * Claims due deliveries: from each lane as many as it has room for, taking turns over API keys, with the keys first
 * that have the fewest attempts in progress here. A key may have at most as many in progress as remain free after it,
 * so that there is always room for another key's first delivery, unless the process is full: one key takes at most half
 * of a process, two keys take two thirds.
 *
 * Keys are limited within one process, which knows its own attempts exactly; lanes are limited over all servers, by the
 * rows. Rows are locked when they are claimed, and other servers that poll at this moment skip them.
 */
export async function takeDue(database: Database, options: TakeOptions): Promise<DueDelivery[]> {
  for (let look = 1; ; look++) {
    const { taken, chosen } = await takeOnce(database, options);
    if (taken.length > 0 || chosen === 0 || look === MOST_LOOKS) return taken;
  }
}

/**
 * Steps from lane to lane in the index instead of reading all due deliveries: a million deliveries of one key are not
 * read to find one of another. If a key has very many lanes, the deliveries in the rest of them wait for that key's
 * own, and only for those.
 */
async function takeOnce(
  database: Database,
  { now, free, underWay = [] }: TakeOptions,
): Promise<{ taken: DueDelivery[]; chosen: number }> {
  const at = sql`${now}::timestamptz`;
  const isDue = sql`(status = 'pending' and next_attempt_at <= ${at} and (taken_until is null or taken_until <= ${at}))`;
  const { rows } = await sql<DueDelivery & { readonly chosen: number }>`
    with recursive steps as (
      (select key_id, lane, 1 as step from longhaul.webhook_deliveries
        where status = 'pending' order by key_id, lane limit 1)
      union all
      select next.key_id, next.lane, case when next.key_id = steps.key_id then step + 1 else 1 end
        from steps cross join lateral (
          (select key_id, lane from longhaul.webhook_deliveries
            where status = 'pending' and step < ${sql.lit(MOST_LANES)}
              and (key_id, lane) > (steps.key_id, steps.lane) order by key_id, lane limit 1)
          union all
          (select key_id, lane from longhaul.webhook_deliveries
            where status = 'pending' and step = ${sql.lit(MOST_LANES)}
              and key_id > steps.key_id order by key_id, lane limit 1)) as next),
    lanes as (
      select key_id, lane from steps
      union
      select steps.key_id, old.lane from steps cross join lateral (
        select lane from longhaul.webhook_deliveries
         where key_id = steps.key_id and ${isDue} order by next_attempt_at limit ${sql.lit(OLDEST_SEEN)}) as old
       where step = ${sql.lit(MOST_LANES)}),
    busy as (
      select lane, count(*) as attempts from longhaul.webhook_deliveries
       where taken_until > ${at} and status = 'pending' group by lane),
    heads as (
      select one.*, lanes.key_id
        from lanes left join busy using (lane) cross join lateral (
          select id, next_attempt_at, coalesce(busy.attempts, 0) + row_number() over (order by next_attempt_at) as place
            from (select id, next_attempt_at from longhaul.webhook_deliveries
                   where key_id = lanes.key_id and lane = lanes.lane and ${isDue}
                   order by next_attempt_at
                   limit greatest(${sql.lit(MOST_IN_LANE)} - coalesce(busy.attempts, 0), 0)) as first) as one),
    here as (
      select key_id, count(*) as attempts from unnest(${sql.val([...underWay])}::uuid[]) as key_id group by key_id),
    turns as (
      select id, next_attempt_at, coalesce(here.attempts, 0)
               + row_number() over (partition by key_id order by place, next_attempt_at) as turn
        from heads left join here using (key_id)),
    chosen as (
      select id from (
        select id, turn, row_number() over (order by turn, next_attempt_at) as given from turns) as given
       -- A key's first delivery needs one free place, its second two, beside the places given to earlier ones.
       where turn <= ${free}::int - given + 1),
    locked as (
      select id from longhaul.webhook_deliveries
       where id = any(array(select id from chosen)) and ${isDue} for update skip locked),
    taken as (
      update longhaul.webhook_deliveries
         set attempts = attempts + 1, attempts_left = attempts_left - 1, last_attempt_at = ${at},
             taken_until = ${new Date(now.getTime() + TAKEN_MS)}::timestamptz
       where id = any(array(select id from locked))
      returning *)
    select (select count(*)::int from chosen) as chosen, taken.id, taken.endpoint_id as "endpointId",
           taken.key_id as "keyId", taken.url, taken.body, taken.attempts,
           case when key.revoked_at is not null then 'its API key was revoked'
                when taken.endpoint_id is not null and endpoint.id is null then 'its webhook was removed'
                when endpoint.disabled_at is not null then 'its webhook is disabled' end as obstacle
      from (select) as always
      left join taken on true
      left join longhaul.api_keys as key on key.id = taken.key_id
      left join longhaul.webhook_endpoints as endpoint on endpoint.id = taken.endpoint_id`.execute(database.sql);
  const taken = rows.filter(({ id }) => (id as string | null) !== null);
  return { taken: taken.map(({ chosen: _, ...delivery }) => delivery), chosen: rows[0]?.chosen ?? 0 };
}

/**
 * Deletes deliveries about no run that are a week old, and so had their last attempt. Deliveries of runs are deleted with
 * their runs.
 */
export async function removeOldDeliveries(database: Database): Promise<void> {
  await sql`delete from longhaul.webhook_deliveries where run_id is null and created_at < now() - interval '7 days'`.execute(
    database.sql,
  );
}
