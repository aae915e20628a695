import { sql } from 'kysely';
import { HEALTH_AGENT } from '../../config/health-agent.ts';
import type { Database } from '../../db/database.ts';
import { JOB } from '../../queue/queue-schema.ts';
import { USER_KEY } from '../user-key.ts';

/**
 * The reason why an unfinished run is not finished. `ready`: it waits for a slot, and nothing else. `delayed`: its time
 * has not come. `held`: a concurrency limit or its session holds it. `limited`: it waits for the provider. `budget`,
 * `approval`: it waits for money or for a person.
 */
export type RunState = 'running' | 'ready' | 'delayed' | 'held' | 'limited' | 'budget' | 'approval';

/** The unfinished runs of an agent in a queue that are in the same state. */
export interface StateCount {
  readonly queue: string;
  readonly agent: string;
  readonly state: RunState;
  readonly runs: number;
  /** Number of them that their users' concurrency limit lets begin; all when there is none. */
  readonly startable: number;
  /** Time for which the oldest is ready; null in other states. */
  readonly oldestWaitSeconds: number | null;
}

/**
 * Counts the unfinished runs by the reason why they are unfinished, except those of the health check. Reads each
 * unfinished run once, by the index `runs_by_status`, with its place in the queue.
 */
export async function readQueueStates(
  database: Database,
  { concurrentPerUser }: { concurrentPerUser: number | null },
): Promise<StateCount[]> {
  const { rows } = await sql<StateCount>`
    with unfinished as (
      select run.queue, run.agent, ${concurrentPerUser === null ? sql`null::text` : USER_KEY} as user_key, job.start_after as due_at,
             case when run.status = 'running' then 'running'
                  when run.held_for is not null then 'held'
                  when run.waiting_for = 'approval' then 'approval'
                  when job.start_after <= now() then 'ready'
                  when run.waiting_for = 'provider_limit' then 'limited'
                  when run.waiting_for = 'budget' then 'budget'
                  else 'delayed' end as state
        from longhaul.runs as run
        left join ${JOB} as job
          on job.name = run.queue and job.id = run.id and job.state in ('created', 'retry')
       where run.status in ('queued', 'running', 'waiting') and run.agent <> ${HEALTH_AGENT}),
    by_user as (
      select queue, agent, state, user_key, count(*) as runs, min(due_at) as first_due_at,
             sum(count(*) filter (where state = 'running')) over (partition by user_key) as running_of_user
        from unfinished
       group by queue, agent, state, user_key)
    select queue, agent, state, sum(runs)::int as runs,
           sum(case when user_key is null or ${concurrentPerUser}::bigint is null then runs
                    else least(runs, greatest(0, ${concurrentPerUser}::bigint - running_of_user)) end)::int as startable,
           case when state = 'ready' then extract(epoch from now() - min(first_due_at))::float8 end as "oldestWaitSeconds"
      from by_user group by queue, agent, state order by queue, agent, state`.execute(database.sql);
  return rows;
}
