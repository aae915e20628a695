import { sql } from 'kysely';
import { toUsd, type Micros } from '../../core/money.ts';
import type { Database } from '../../db/database.ts';
import { startOfDay } from './cost-range.ts';
import { isSeenBy, type Viewer } from '../viewer.ts';

/** The expected total cost of the current day and month. */
export interface CostForecast {
  /** Null: no data yet. */
  readonly dayUsd: number | null;
  /** Null: no data yet. */
  readonly monthUsd: number | null;
}

const DAYS = 7;

interface ForecastRow {
  readonly now: Date;
  readonly day_start: Date;
  readonly day_end: Date;
  readonly month_end: Date;
  /** Beginning of the first day whose spending counts; null: nothing was ever spent. */
  readonly since: Date | null;
  readonly day_micros: Micros;
  readonly month_micros: Micros;
  readonly recent_micros: Micros;
}

/**
 * Forecasts the total cost of the current day and month: the amount spent so far, plus the rate of the last 7 whole
 * days, or of the days since the first attempt if fewer, for the rest of the time. On the very first day the rate since
 * midnight is used. Days without spending count: the rate falls when there is little work.
 */
export async function readForecast(
  database: Database,
  { viewer, timeZone, now = null }: { viewer: Viewer; timeZone: string; now?: Date | null },
): Promise<CostForecast> {
  const { user, team } = viewer;
  // No sums are kept of a user within a team.
  if (user !== null && team !== null) return { dayUsd: null, monthUsd: null };
  const { rows } = await sql<ForecastRow>`
    with clock as (
      select now, longhaul.day_of(now, ${timeZone}) as today from (select coalesce(${now}::timestamptz, now()) as now) as given),
    sums as (${user === null ? sumsOf(team) : sumsOfUser(viewer, timeZone)}),
    span as (
      select *, longhaul.period_start('month', today) as month,
             greatest(today - ${DAYS}::int, (select min(start) from sums where period = 'day')) as first_day,
             exists (select from sums where period = 'day') as is_begun
        from clock)
    select now, ${startOfDay(sql`today`, timeZone)} as day_start, ${startOfDay(sql`today + 1`, timeZone)} as day_end,
           ${startOfDay(sql`(month + interval '1 month')::date`, timeZone)} as month_end,
           case when is_begun then ${startOfDay(sql`least(first_day, today)`, timeZone)} end as since,
           coalesce((select cost_micros from sums where period = 'day' and start = today), 0) as day_micros,
           coalesce((select cost_micros from sums where period = 'month' and start = month), 0) as month_micros,
           coalesce((select sum(cost_micros) from sums where period = 'day' and start >= first_day and start < today), 0)::bigint
             as recent_micros
      from span`.execute(database.sql);
  const row = rows[0]!;
  const microsPerMs = toRate(row);
  if (microsPerMs === null) return { dayUsd: null, monthUsd: null };
  const restUntil = (end: Date) => Math.round(microsPerMs * Math.max(0, end.getTime() - row.now.getTime()));
  return {
    dayUsd: toUsd(row.day_micros + restUntil(row.day_end)),
    monthUsd: toUsd(row.month_micros + restUntil(row.month_end)),
  };
}

/** The stored sums of a team, or the global ones. */
function sumsOf(team: string | null) {
  return sql`select period, start, cost_micros from longhaul.cost_rollups
    where dimension = ${team === null ? 'total' : 'team'} and key = ${team ?? ''}`;
}

/** Sums added up from the entries: stored sums are kept by user name, and users of teams may have the same name. */
function sumsOfUser(viewer: Viewer, timeZone: string) {
  return sql`select periods.period, longhaul.period_start(periods.period, entry.day) as start,
                    sum(entry.cost_micros)::bigint as cost_micros
      from (select longhaul.day_of(at, ${timeZone}) as day, cost_micros from longhaul.ledger_entries, clock
             where ${isSeenBy(viewer)} and at > now - interval '40 days') as entry
     cross join (values ('day'), ('month')) as periods (period)
     group by 1, 2`;
}

function toRate({ now, day_start, since, day_micros, recent_micros }: ForecastRow): number | null {
  if (since === null) return null;
  const wholeDaysMs = day_start.getTime() - since.getTime();
  if (wholeDaysMs > 0) return recent_micros / wholeDaysMs;
  const todayMs = now.getTime() - day_start.getTime();
  return todayMs > 0 ? day_micros / todayMs : null;
}
