import pg from 'pg';
import { PgBoss } from 'pg-boss';
import { isLastEvent, type RunEvent } from './event-stream.ts';
import { today, type Submission } from './read-prompt.ts';
import { ATTEMPTS, RETRY_DELAY_SECONDS } from './settings.ts';

/** The data of a job. Its copy in the dead letter queue has another id. */
export interface RunData extends Submission {
  readonly runId: string;
}

export const QUEUE = 'agent-runs';

/** Holds the jobs whose tries are used up. */
export const DEAD_LETTER_QUEUE = 'failed-agent-runs';

/** The channel of NOTIFY for events; the payload is the id of their run. */
export const CHANNEL = 'run_events';

const TABLES = `
  create table if not exists run_events (
    id bigint generated always as identity primary key,
    run_id uuid not null,
    event jsonb not null
  );
  create index if not exists run_events_by_run on run_events (run_id, id);
  create table if not exists spending (run_id uuid not null, day date not null, cost_usd numeric not null);
  create index if not exists spending_by_day on spending (day);
`;

/** An event with its place in the log of all runs. */
export interface StoredEvent {
  readonly id: string;
  readonly event: RunEvent;
}

/** Opens the connections, and creates the tables and the queue. */
export async function openDatabase(url: string): Promise<{ pool: pg.Pool; boss: PgBoss }> {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  pool.on('error', (error) => console.error(error));
  // Two programs that start at once would create the tables twice.
  await pool.query(`begin; select pg_advisory_xact_lock(1); ${TABLES} commit;`);
  const boss = new PgBoss({
    connectionString: url,
    // Wakes workers at once; without it they poll every two seconds.
    useListenNotify: true,
    // Below the defaults, so that the runs of a worker that died wait less.
    superviseIntervalSeconds: 15,
    monitorIntervalSeconds: 15,
  });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(DEAD_LETTER_QUEUE, { notify: true });
  await boss.createQueue(QUEUE, {
    notify: true,
    deadLetter: DEAD_LETTER_QUEUE,
    retryLimit: ATTEMPTS - 1,
    retryDelay: RETRY_DELAY_SECONDS,
    retryBackoff: true,
    expireInSeconds: 900,
    heartbeatSeconds: 20,
  });
  return { pool, boss };
}

/** Stores events of a run and notifies the servers. */
export async function storeEvents(pool: pg.Pool, runId: string, events: readonly RunEvent[]): Promise<void> {
  await pool.query(
    `with stored as (
       insert into run_events (run_id, event) select $1, value from jsonb_array_elements($2::jsonb) returning id)
     select pg_notify($3, $1::text), count(*) from stored`,
    [runId, JSON.stringify(events), CHANNEL],
  );
}

/** Reads the events of a run after the event `afterId`, in order. */
export async function readEvents(pool: pg.Pool, runId: string, afterId: string): Promise<StoredEvent[]> {
  const { rows } = await pool.query<StoredEvent>(
    'select id::text, event from run_events where run_id = $1 and id > $2 order by id',
    [runId, afterId],
  );
  // A run that was taken over may have been ended by both workers.
  const lastIndex = rows.findIndex(({ event }) => isLastEvent(event));
  return lastIndex === -1 ? rows : rows.slice(0, lastIndex + 1);
}

/** Adds the dollars of a run to those of the day. */
export async function addSpending(pool: pg.Pool, runId: string, costUsd: number): Promise<void> {
  await pool.query('insert into spending (run_id, day, cost_usd) values ($1, $2, $3)', [runId, today(), costUsd]);
}

/** Returns whether the runs that have ended today have spent the budget. */
export async function isBudgetSpent(pool: pg.Pool, dayBudgetUsd: number): Promise<boolean> {
  if (dayBudgetUsd === Infinity) return false;
  const { rows } = await pool.query<{ spent: number }>(
    'select coalesce(sum(cost_usd), 0)::float8 as spent from spending where day = $1',
    [today()],
  );
  return (rows[0]?.spent ?? 0) >= dayBudgetUsd;
}
