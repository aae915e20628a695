import { sql, type RawBuilder } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { SEES_ALL } from '../run/viewer.ts';
import { countsIn, timesIn } from './happened.ts';
import { sumUp } from './sum-up.ts';

/** Time from the end of a minute to its roll-up. */
const MARGIN_MS = 60_000;

/** Longest range of one roll-up, so that catching up is done in steps. */
const MOST_AT_ONCE = sql`interval '6 hours'`;

/** A little more than the two days that charts can show by the minute. */
const MINUTES_LAST = sql`interval '50 hours'`;
export const QUARTERS_LAST_DAYS = 400;
const SAMPLES_LAST = sql`interval '32 days'`;

/** Maximum number of old rows deleted from each table in each round, which keeps locks short. */
const REMOVED_AT_ONCE = 5_000;

interface RollUpOptions {
  /** The time zone in which hours and days begin. */
  readonly timeZone: string;
  /** Time from the end of a minute to its roll-up, in ms. Defaults to 60,000. */
  readonly marginMs?: number;
}

/**
 * Rolls up finished minutes, these into quarters of an hour, and those into hours and days. Returns whether there are
 * more; also false when another process is rolling up.
 */
export async function rollUp(database: Database, { timeZone, marginMs = MARGIN_MS }: RollUpOptions): Promise<boolean> {
  return database.sql.transaction().execute(async (trx) => {
    const { rows } = await sql<{ since: Date; until: Date; isMore: boolean }>`
      with progress as (select minutes_until from longhaul.stat_progress for update skip locked),
      safe as (select ${safeEnd(marginMs)} as until)
      select minutes_until as since, least(safe.until, minutes_until + ${MOST_AT_ONCE}) as until,
             safe.until > minutes_until + ${MOST_AT_ONCE} as "isMore"
        from progress, safe where safe.until > minutes_until`.execute(trx);
    const [due] = rows;
    if (due === undefined) return false;
    await rollUpMinutes(trx, due);
    await rollUpQuarters(trx);
    await sumUp(trx, timeZone);
    await removeOld(trx);
    return due.isMore;
  });
}

/** SQL: the end of the last minute to which no transaction can add any more. */
export function safeEnd(marginMs: number): RawBuilder<Date> {
  // A transaction that began earlier may still commit rows with its start time.
  return sql<Date>`
    date_trunc('minute', least(clock_timestamp() - ${marginMs} * interval '1 millisecond',
      (select min(xact_start) from pg_stat_activity
        where datname = current_database() and backend_xid is not null and pid <> pg_backend_pid())))`;
}

async function rollUpMinutes(trx: Transaction, due: { since: Date; until: Date }): Promise<void> {
  const stretch = { viewer: SEES_ALL, since: sql`${due.since}::timestamptz`, until: sql`${due.until}::timestamptz` };
  await sql`
    insert into longhaul.stat_counts (step, start, agent, team, kind, code, amount)
    select 'minute', counted.* from (${countsIn(stretch)}) as counted`.execute(trx);
  await sql`
    insert into longhaul.stat_times (step, start, agent, team, kind, bucket, runs)
    select 'minute', timed.* from (${timesIn(stretch)}) as timed`.execute(trx);
  await sql`update longhaul.stat_progress set minutes_until = ${due.until}`.execute(trx);
}

async function rollUpQuarters(trx: Transaction): Promise<void> {
  const isDue = sql`step = 'minute' and start >= quarters_until and start < ${quarterOf(sql`minutes_until`)}`;
  await sql`
    insert into longhaul.stat_counts (step, start, agent, team, kind, code, amount)
    select 'quarter', ${quarterOf(sql`start`)} as quarter, agent, team, kind, code, sum(amount)
      from longhaul.stat_counts, longhaul.stat_progress where ${isDue}
     group by quarter, agent, team, kind, code`.execute(trx);
  await sql`
    insert into longhaul.stat_times (step, start, agent, team, kind, bucket, runs)
    select 'quarter', ${quarterOf(sql`start`)} as quarter, agent, team, kind, bucket, sum(runs)
      from longhaul.stat_times, longhaul.stat_progress where ${isDue}
     group by quarter, agent, team, kind, bucket`.execute(trx);
  await sql`update longhaul.stat_progress set quarters_until = ${quarterOf(sql`minutes_until`)}`.execute(trx);
}

/** Offsets of time zones are whole quarters of an hour, so a day begins with a quarter in every time zone. */
function quarterOf(at: ReturnType<typeof sql>) {
  return sql`date_bin('15 minutes', ${at}, timestamptz 'epoch')`;
}

async function removeOld(trx: Transaction): Promise<void> {
  for (const table of ['longhaul.stat_counts', 'longhaul.stat_times'] as const) {
    const isOld = sql`(step = 'minute' and start < now() - ${MINUTES_LAST}
      or step = 'quarter' and start < now() - ${sql.lit(QUARTERS_LAST_DAYS)} * interval '1 day')`;
    await sql`delete from ${sql.table(table)} where ctid in (
      select ctid from ${sql.table(table)} where ${isOld} limit ${sql.lit(REMOVED_AT_ONCE)})`.execute(trx);
  }
  for (const table of ['longhaul.queue_samples', 'longhaul.slot_samples'] as const) {
    await sql`delete from ${sql.table(table)} where ctid in (
      select ctid from ${sql.table(table)} where at < now() - ${SAMPLES_LAST} limit ${sql.lit(REMOVED_AT_ONCE)})`.execute(
      trx,
    );
  }
}
