import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../db/database.ts';
import type { Viewer } from '../run/viewer.ts';
import { countsIn, timesIn } from './happened.ts';

export const STAT_STEPS = ['minute', 'hour', 'day'] as const;
export type StatStep = (typeof STAT_STEPS)[number];

interface ReadOptions {
  readonly viewer: Viewer;
  /** Start (inclusive). */
  readonly from: Date;
  /** End (exclusive). */
  readonly to: Date;
  readonly step: StatStep;
  /** Name of one agent; null for all agents. */
  readonly agent: string | null;
  /** Time zone in which days begin. */
  readonly timeZone: string;
}

/** A number of runs, or millionths of a dollar. `at` is the start of the step. */
export interface StatCount {
  readonly at: Date;
  readonly agent: string;
  readonly kind: 'submitted' | 'succeeded' | 'failed' | 'cancelled' | 'cost';
  readonly code: string;
  readonly amount: number;
}

/** Number of runs whose wait or duration is in a bucket. */
export interface StatTime {
  readonly at: Date;
  readonly kind: 'wait' | 'duration';
  readonly bucket: number;
  readonly runs: number;
}

export interface Stats {
  /** Starts of all steps, including steps in which nothing happened. */
  readonly steps: readonly Date[];
  readonly counts: readonly StatCount[];
  readonly times: readonly StatTime[];
}

/** Reads the statistics of a range, step by step. The first step begins at or before `from`. */
export async function readStats(database: Database, options: ReadOptions): Promise<Stats> {
  const { step, timeZone, to } = options;
  const steps = await readSteps(database, options);
  const since = sql`${steps[0] ?? options.from}::timestamptz`;
  const until = sql`${to}::timestamptz`;
  const at = startOf(step, sql`start`, timeZone);
  const range = { ...options, since, until };
  const [counts, times] = await Promise.all([
    sql<StatCount>`
      select ${at} as at, agent, kind, code, sum(amount)::bigint as amount
        from (${rowsOf(range, 'counts')}) as rows group by 1, 2, 3, 4`.execute(database.sql),
    sql<StatTime>`
      select ${at} as at, kind, bucket, sum(runs)::int as runs
        from (${rowsOf(range, 'times')}) as rows group by 1, 2, 3`.execute(database.sql),
  ]);
  return { steps, counts: counts.rows, times: times.rows };
}

interface Range extends ReadOptions {
  readonly since: RawBuilder<unknown>;
  readonly until: RawBuilder<unknown>;
}

/** SQL: rolled-up rows, then rows not rolled up yet. For one user it reads the runs only. */
function rowsOf({ viewer, step, agent, since, until }: Range, what: 'counts' | 'times'): RawBuilder<unknown> {
  const fresh = what === 'counts' ? countsIn : timesIn;
  const columns = what === 'counts' ? sql`start, agent, kind, code, amount` : sql`start, agent, kind, bucket, runs`;
  const isWanted = agent === null ? sql`true` : sql`agent = ${agent}`;
  const from = (rows: RawBuilder<unknown>) => sql`select ${columns} from (${rows}) as rows where ${isWanted}`;
  if (viewer.user !== null) return from(fresh({ viewer, since, until }));
  const table = sql.table(what === 'counts' ? 'longhaul.stat_counts' : 'longhaul.stat_times');
  const isOfTeam = viewer.team === null ? sql`true` : sql`team = ${viewer.team}`;
  const rolledUp = (length: 'minute' | 'quarter', begin: RawBuilder<unknown>, end: RawBuilder<unknown>) => sql`
    select ${columns} from ${table}
     where step = ${sql.lit(length)} and start >= ${begin} and start < ${end} and ${isOfTeam} and ${isWanted}`;
  const minutesUntil = sql`(select minutes_until from longhaul.stat_progress)`;
  const quartersUntil = sql`(select quarters_until from longhaul.stat_progress)`;
  return sql.join(
    [
      ...(step === 'minute'
        ? [rolledUp('minute', since, sql`least(${until}, ${minutesUntil})`)]
        : [
            rolledUp('quarter', since, sql`least(${until}, ${quartersUntil})`),
            rolledUp('minute', sql`greatest(${since}, ${quartersUntil})`, sql`least(${until}, ${minutesUntil})`),
          ]),
      from(fresh({ viewer, since: sql`greatest(${since}, ${minutesUntil})`, until })),
    ],
    sql` union all `,
  );
}

async function readSteps(database: Database, { from, to, step, timeZone }: ReadOptions): Promise<Date[]> {
  // Days follow the calendar, because some have 23 or 25 hours. Hours and minutes follow elapsed time.
  const series =
    step === 'day'
      ? sql`select local at time zone ${timeZone} as at
              from generate_series(date_trunc('day', ${from}::timestamptz at time zone ${timeZone}),
                     ${to}::timestamptz at time zone ${timeZone}, interval '1 day') as local`
      : sql`select at from generate_series(${startOf(step, sql`${from}::timestamptz`, timeZone)}, ${to}::timestamptz,
                     ${`1 ${step}`}::interval) as at`;
  const { rows } = await sql<{ at: Date }>`${series} order by at`.execute(database.sql);
  return rows.map(({ at }) => at).filter((at) => at < to);
}

function startOf(step: StatStep, at: RawBuilder<unknown>, timeZone: string): RawBuilder<unknown> {
  return sql`date_trunc(${step}, ${at}, ${timeZone})`;
}

/** State of a queue in a step: averages, and the longest wait. */
export interface QueueSample {
  readonly at: Date;
  readonly queue: string;
  readonly waiting: number;
  readonly delayed: number;
  readonly held: number;
  readonly oldestWaitMs: number | null;
}

/** Average state of the workers in a step. */
export interface SlotSample {
  readonly at: Date;
  readonly workers: number;
  readonly slots: number;
  readonly running: number;
}

/** Reads the recorded states of queues and workers, step by step. */
export async function readSamples(
  database: Database,
  { from, to, step, timeZone }: Omit<ReadOptions, 'viewer' | 'agent'>,
): Promise<{ queues: readonly QueueSample[]; slots: readonly SlotSample[] }> {
  const at = startOf(step, sql`at`, timeZone);
  const since = startOf(step, sql`${from}::timestamptz`, timeZone);
  const [queues, slots] = await Promise.all([
    sql<QueueSample>`
      select ${at} as at, queue, avg(waiting)::float8 as waiting, avg(delayed)::float8 as delayed,
             avg(held)::float8 as held, max(oldest_wait_ms) as "oldestWaitMs"
        from longhaul.queue_samples where at >= ${since} and at < ${to}::timestamptz group by 1, 2 order by 1, 2`.execute(
      database.sql,
    ),
    sql<SlotSample>`
      select ${at} as at, avg(workers)::float8 as workers, avg(slots)::float8 as slots, avg(running)::float8 as running
        from longhaul.slot_samples where at >= ${since} and at < ${to}::timestamptz group by 1 order by 1`.execute(
      database.sql,
    ),
  ]);
  return { queues: queues.rows, slots: slots.rows };
}
