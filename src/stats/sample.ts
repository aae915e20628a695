import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import { countHeld } from '../run/waiting/concurrency.ts';
import { IS_ALIVE } from '../run/workers.ts';

interface SampleOptions {
  readonly database: Database;
  readonly queue: Queue;
  readonly queueNames: readonly string[];
}

/** Records the state of queues and workers, once a minute over all processes. Returns whether this call did. */
export async function sample({ database, queue, queueNames }: SampleOptions): Promise<boolean> {
  const { rows } = await sql<{ at: Date }>`
    update longhaul.stat_progress set sampled_at = date_trunc('minute', clock_timestamp())
     where sampled_at < date_trunc('minute', clock_timestamp()) returning sampled_at as at`.execute(database.sql);
  const at = rows[0]?.at;
  if (at === undefined) return false;
  const [depths, held] = await Promise.all([queue.depth(queueNames), countHeld(database)]);
  await database.sql
    .insertInto('longhaul.queue_samples')
    .values(
      depths.map(({ queue: name, waiting, delayed, oldestWaitSeconds }) => ({
        at,
        queue: name,
        waiting,
        delayed,
        held: held.get(name) ?? 0,
        oldest_wait_ms: oldestWaitSeconds === null ? null : Math.round(oldestWaitSeconds * 1_000),
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await sql`
    insert into longhaul.slot_samples (at, workers, slots, running)
    select ${at}::timestamptz, count(*), coalesce(sum(slots), 0),
           (select count(*) from longhaul.runs where status = 'running')
      from longhaul.workers where ${IS_ALIVE}
    on conflict do nothing`.execute(database.sql);
  return true;
}
