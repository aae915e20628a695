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
  const { step, timeZone } = options;
  const steps = await readSteps(database, options);
  const range = { ...options, since: steps[0] ?? options.from };
  const ends = await readEnds(database, range);
  const at = startOf(step, sql`start`, timeZone);
  const [counts, times] = await Promise.all([
    sql<StatCount>`
      select ${at} as at, agent, kind, code, sum(amount)::bigint as amount
        from (${rowsOf(range, { ends, what: 'counts' })}) as rows group by 1, 2, 3, 4`.execute(database.sql),
    sql<StatTime>`
      select ${at} as at, kind, bucket, sum(runs)::int as runs
        from (${rowsOf(range, { ends, what: 'times' })}) as rows group by 1, 2, 3`.execute(database.sql),
  ]);
  return { steps, counts: counts.rows, times: times.rows };
}

interface Range extends ReadOptions {
  readonly since: Date;
}

/** The ends of the parts of a range that are summed up or rolled up, each at or after its beginning. */
type Ends = Readonly<Record<'day' | 'hour' | 'quarter' | 'minute', Date>>;

/** A roll-up may end meanwhile; the rows before its end stay, so the ends are valid for the statements after this one. */
async function readEnds(database: Database, { since, to, timeZone }: Range): Promise<Ends> {
  // The last hour or day of the range may be cut.
  const sums = (length: 'hour' | 'day') => sql`
    greatest(${since}::timestamptz, case when sums_zone = ${timeZone} then
      least(${sql.ref(`${length}s_until`)}, ${startOf(length, sql`${to}::timestamptz`, timeZone)}) end)`;
  const rows = (length: 'quarter' | 'minute') => sql`
    greatest(${since}::timestamptz, least(${sql.ref(`${length}s_until`)}, ${to}::timestamptz))`;
  const found = await sql<Ends>`
    select ${sums('day')} as day, ${sums('hour')} as hour, ${rows('quarter')} as quarter, ${rows('minute')} as minute
      from longhaul.stat_progress`.execute(database.sql);
  return found.rows[0]!;
}

type What = 'counts' | 'times';

const COLUMNS = { counts: sql`start, agent, kind, code, amount`, times: sql`start, agent, kind, bucket, runs` };

/** The lengths that a step is made of, the longest first. Days and hours are of all teams together. */
const LENGTHS = {
  day: ['day', 'hour', 'quarter', 'minute'],
  hour: ['hour', 'quarter', 'minute'],
  minute: ['minute'],
} as const;

/** SQL: the rows of each length, from the end of the longer one, then those not rolled up yet. For one user: the runs. */
function rowsOf(range: Range, { ends, what }: { ends: Ends; what: What }): RawBuilder<unknown> {
  const { viewer, step, agent, to } = range;
  const isWanted = agent === null ? sql`true` : sql`agent = ${agent}`;
  const parts: RawBuilder<unknown>[] = [];
  let { since } = range;
  if (viewer.user === null) {
    for (const length of LENGTHS[step]) {
      const isSum = length === 'day' || length === 'hour';
      if ((isSum && viewer.team !== null) || ends[length] <= since) continue;
      const isOfViewer = isSum ? sumsOf(agent, what) : viewer.team === null ? sql`true` : sql`team = ${viewer.team}`;
      parts.push(sql`
        select ${COLUMNS[what]} from ${tableOf(what, isSum)}
         where step = ${sql.lit(length)} and start >= ${since} and start < ${ends[length]} and ${isOfViewer}
           and ${isSum ? sql`true` : isWanted}`);
      since = ends[length];
    }
  }
  const fresh = (what === 'counts' ? countsIn : timesIn)({
    viewer,
    since: sql`${since}::timestamptz`,
    until: sql`${to}::timestamptz`,
  });
  parts.push(sql`select ${COLUMNS[what]} from (${fresh}) as rows where ${isWanted}`);
  return sql.join(parts, sql` union all `);
}

function tableOf(what: What, isSum: boolean): RawBuilder<unknown> {
  if (isSum) return sql.table(what === 'counts' ? 'longhaul.stat_count_sums' : 'longhaul.stat_time_sums');
  return sql.table(what === 'counts' ? 'longhaul.stat_counts' : 'longhaul.stat_times');
}

/** SQL: the sums of an agent, or of all: counts have a row for each agent, times also one for all together. */
function sumsOf(agent: string | null, what: What): RawBuilder<unknown> {
  if (agent !== null) return sql`agent = ${agent}`;
  return what === 'counts' ? sql`true` : sql`agent = ''`;
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
