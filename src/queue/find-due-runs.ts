import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../db/database.ts';
import { JOB } from './queue-schema.ts';
import type { DueRuns } from './run-queue.ts';

interface Row {
  readonly queue: string;
  readonly isDue: boolean;
  readonly nextInMs: number | null;
}

/** Finds the queues with a due run, and the time until the next is due, with one statement that locks nothing. */
export async function findDueRuns(database: Database, queues: readonly string[]): Promise<DueRuns> {
  const { rows } = await selectDue(queues).execute(database.sql);
  const times = rows.flatMap(({ nextInMs }) => nextInMs ?? []);
  return {
    queues: rows.filter(({ isDue }) => isDue).map(({ queue }) => queue),
    nextInMs: times.length === 0 ? null : Math.min(...times),
  };
}

/**
 * SQL: the queues that are not paused. For each state of a waiting message, PostgreSQL reads one entry of pg-boss's index
 * of live jobs, however many there are.
 */
export function selectDue(queues: readonly string[]): RawBuilder<Row> {
  const first = (state: WaitingState, condition: RawBuilder<unknown>) => sql`(
    select start_after from ${JOB} as job
     where job.name = queue_name and state = ${sql.lit(state)} and blocked = false and start_after ${condition}
     order by start_after limit 1)`;
  const due = sql`<= now()`;
  const delayed = sql`> now()`;
  return sql<Row>`
    select queue_name as queue,
           coalesce(${first('created', due)}, ${first('retry', due)}) is not null as "isDue",
           (extract(epoch from least(${first('created', delayed)}, ${first('retry', delayed)}) - now()) * 1000)::float
             as "nextInMs"
      from unnest(${sql.val([...queues])}::text[]) with ordinality as queue (queue_name, place)
     where not exists (select from longhaul.queues where queues.name = queue_name and paused_at is not null)
     order by place`;
}

/** The states of a message that is not taken. Literal in the statement, so that PostgreSQL can use the index. */
type WaitingState = 'created' | 'retry';
