import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../../db/database.ts';
import { JOB } from '../queue-schema.ts';

/** A queue that this process has swept. */
export interface SweptQueue {
  readonly queue: string;
  /** Delayed runs that became due since the last sweep of any process. */
  readonly due: number;
  /** Runs that have been due for 2 s or longer; 0 when lost wake-ups are not replaced this time. */
  readonly overdue: number;
  /** Time until the next delayed run is due, in ms; null when none is delayed. */
  readonly nextInMs: number | null;
}

interface SweepOptions {
  readonly queues: readonly string[];
  /** Interval at which lost wake-ups are replaced, in ms. */
  readonly replaceEveryMs: number;
  /** False for a sweep that takes place only when no process has swept lately. */
  readonly isNeeded: boolean;
  /** True when wake-ups are known to be lost. */
  readonly mustReplace: boolean;
}

/** A sweep without a need is left out when another took place within this time. */
const SWEPT_LATELY = sql.lit('4 seconds');

/** Runs are counted up to this number: counting a million takes a second. */
const MOST_COUNTED = sql.lit(10_000);

/**
 * Finds the runs that need a wake-up, and notes that they get one: each run that becomes due is reported to one process
 * of the fleet, whichever sweep at once. Leaves out paused queues, because their wake-ups would be used up in vain.
 */
export async function sweepQueues(database: Database, options: SweepOptions): Promise<readonly SweptQueue[]> {
  const { queues, replaceEveryMs, isNeeded, mustReplace } = options;
  const isReplacing = sql`(${mustReplace} or replaced_at is null or replaced_at < now() - ${replaceEveryMs} * interval '1 millisecond')`;
  const { rows } = await sql<SweptQueue>`
    with locked as materialized (
      select name, paused_at, due_until, ${isReplacing} as is_replacing
        from longhaul.queues
       where name = any(${sql.val([...queues])}::text[])
         and (${isNeeded} or due_until is null or due_until < now() - interval ${SWEPT_LATELY} or ${isReplacing})
         for update skip locked
    ), swept as (
      update longhaul.queues as queue
         set due_until = now(), replaced_at = case when is_replacing then now() else queue.replaced_at end
        from locked
       where queue.name = locked.name
      returning queue.name, locked.paused_at is not null as is_paused, locked.due_until as last_until, is_replacing
    )
    select name as queue,
           case when is_paused then 0 else ${countWaiting(sql`start_after > last_until and start_after > created_on and start_after <= now()`)} end as due,
           case when is_paused or not is_replacing then 0
                else ${countWaiting(sql`start_after <= now() - interval '2 seconds'`)} end as overdue,
           case when is_paused then null
                else (extract(epoch from least(${firstDelayed('created')}, ${firstDelayed('retry')}) - now()) * 1000)::float
            end as "nextInMs"
      from swept`.execute(database.sql);
  return rows;
}

/** Makes the rows that `sweepQueues` locks. */
export async function addSweptQueues(database: Database, queues: readonly string[]): Promise<void> {
  if (queues.length === 0) return;
  await database.sql
    .insertInto('longhaul.queues')
    .values(queues.map((name) => ({ name, paused_at: null })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The states of a message that is not taken. Literal in the statement, so that PostgreSQL can use pg-boss's index. */
type WaitingState = 'created' | 'retry';

function countWaiting(condition: RawBuilder<unknown>): RawBuilder<unknown> {
  const count = (state: WaitingState) => sql`(
    select count(*)::int from (
      select from ${JOB} as job
       where job.name = swept.name and state = ${sql.lit(state)} and blocked = false and ${condition}
       limit ${MOST_COUNTED}) as found)`;
  return sql`${count('created')} + ${count('retry')}`;
}

function firstDelayed(state: WaitingState): RawBuilder<unknown> {
  return sql`(
    select start_after from ${JOB} as job
     where job.name = swept.name and state = ${sql.lit(state)} and blocked = false and start_after > now()
     order by start_after limit 1)`;
}
