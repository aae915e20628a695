import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../../db/database.ts';

/** A range of time without its end, in milliseconds since 1970; for days, from the beginning of the day in UTC. */
interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** A stretch to add or, with -1, to subtract. */
export interface Piece extends Stretch {
  readonly sign: 1 | -1;
}

/** A range of the ledger's time, and the whole days that cover nearly all of it. */
export interface CostRange {
  /** Inclusive. */
  readonly from: Date;
  /** Exclusive. */
  readonly to: Date;
  readonly timeZone: string;
  /** Whole calendar days of the time zone. */
  readonly days: Stretch | null;
  /** The pieces that the days lack, or have too much, at both ends. */
  readonly edges: readonly Piece[];
}

/** An instant, or a calendar day of the time zone as `2026-11-23`. */
export type CostInstant = Date | string;

interface RangeOptions {
  /** A day: from its beginning. Defaults to the beginning of the month in which `to` ends. */
  readonly from?: CostInstant | undefined;
  /** A day: up to its beginning. Defaults to the end of the current month, or of the month of a later `from`. */
  readonly to?: CostInstant | undefined;
  readonly timeZone: string;
  /** Defaults to the database's clock. */
  readonly now?: Date | undefined;
}

interface RangeRow {
  from: Date;
  to: Date;
  first_day: string;
  first_day_at: Date;
  last_day: string;
  last_day_at: Date;
}

/**
 * Resolves the requested range of time, the current month when neither end is given, and cuts each end at the nearest
 * beginning of a day in the time zone. Returns an empty or inverted range unchanged.
 */
export async function toCostRange(database: Database, options: RangeOptions): Promise<CostRange> {
  const { timeZone, now = null } = options;
  const monthOf = (at: RawBuilder<unknown>) => sql`longhaul.period_start('month', longhaul.day_of(${at}, ${timeZone}))`;
  const { rows } = await sql<RangeRow>`
    with asked as materialized (
      select ${toInstant(options.from, timeZone)} as since, ${toInstant(options.to, timeZone)} as until,
             coalesce(${now}::timestamptz, now()) as now),
    filled as materialized (
      select coalesce(since, ${startOfDay(monthOf(sql`coalesce(until - interval '1 microsecond', now)`), timeZone)}) as since,
             coalesce(until, ${startOfDay(sql`(${monthOf(sql`greatest(since, now)`)} + interval '1 month')::date`, timeZone)})
               as until
        from asked)
    select since as "from", until as "to", first.day as first_day, first.at as first_day_at,
           last.day as last_day, last.at as last_day_at
      from filled
     cross join lateral (${nearestDay(sql`since`, timeZone)}) as first
     cross join lateral (${nearestDay(sql`until`, timeZone)}) as last`.execute(database.sql);
  const { from, to, first_day, first_day_at, last_day, last_day_at } = rows[0]!;
  const asked = { from: from.getTime(), to: to.getTime() };
  if (asked.from >= asked.to) return { from, to, timeZone, days: null, edges: [] };
  const { whole, edges } = cut(asked, { from: first_day_at.getTime(), to: last_day_at.getTime() });
  const days = whole && { from: Date.parse(first_day), to: Date.parse(last_day) };
  return { from, to, timeZone, days, edges };
}

/** Cuts days at the beginnings of months. */
export function toMonths(days: Stretch): { whole: Stretch | null; edges: Piece[] } {
  return cut(days, { from: nearestMonth(days.from), to: nearestMonth(days.to) });
}

/**
 * Takes the whole units that begin nearest to both ends of a stretch, and returns the pieces that are then missing or
 * too much, unless the stretch itself is shorter than that.
 */
function cut(stretch: Stretch, whole: Stretch): { whole: Stretch | null; edges: Piece[] } {
  const edgesMs = Math.abs(stretch.from - whole.from) + Math.abs(stretch.to - whole.to);
  if (whole.from >= whole.to || stretch.to - stretch.from <= edgesMs) {
    return { whole: null, edges: [{ ...stretch, sign: 1 }] };
  }
  const edges: Piece[] = [
    { from: stretch.from, to: whole.from, sign: 1 },
    { from: whole.from, to: stretch.from, sign: -1 },
    { from: whole.to, to: stretch.to, sign: 1 },
    { from: stretch.to, to: whole.to, sign: -1 },
  ];
  return { whole, edges: edges.filter(({ from, to }) => from < to) };
}

function nearestMonth(day: number): number {
  const date = new Date(day);
  const start = Date.UTC(date.getUTCFullYear(), date.getUTCMonth());
  const next = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
  return day - start <= next - day ? start : next;
}

/** Formats a day as SQL takes and returns it. */
export function toDay(day: number): string {
  return new Date(day).toISOString().slice(0, 10);
}

function toInstant(given: CostInstant | undefined, timeZone: string): RawBuilder<unknown> {
  return typeof given === 'string' ? startOfDay(sql`${given}::date`, timeZone) : sql`${given ?? null}::timestamptz`;
}

/**
 * The instant at which a day begins. Where clocks go back to midnight a day has two beginnings, of which `at time zone`
 * takes the second.
 */
export function startOfDay(day: RawBuilder<unknown>, timeZone: string): RawBuilder<Date> {
  return sql<Date>`(
    select case when longhaul.day_of(midnight.at - interval '1 hour', ${timeZone}) = midnight.day
           then midnight.at - interval '1 hour' else midnight.at end
      from (select given.day, given.day::timestamp at time zone ${timeZone} as at
              from (select ${day} as day) as given) as midnight)`;
}

function nearestDay(at: RawBuilder<unknown>, timeZone: string): RawBuilder<unknown> {
  return sql`
    select case when is_first then to_char(day, 'YYYY-MM-DD') else to_char(day + 1, 'YYYY-MM-DD') end as day,
           case when is_first then start else "end" end as at
      from (select day, start, "end", ${at} - start <= "end" - ${at} as is_first
              from (select day, ${startOfDay(sql`day`, timeZone)} as start, ${startOfDay(sql`day + 1`, timeZone)} as "end"
                      from (select longhaul.day_of(${at}, ${timeZone}) as day) as given) as bounds) as judged`;
}
