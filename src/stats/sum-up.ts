import { sql } from 'kysely';
import type { Transaction } from '../db/database.ts';

/** Longest range that is summed up at once, so that catching up is done in steps. */
const MOST_AT_ONCE = sql`interval '10 days'`;

/** As long as quarters of an hour. */
const SUMS_LAST = sql`interval '400 days'`;

/**
 * Adds up finished quarters of an hour to hours and days of the time zone, over all teams. Sums of another time zone are
 * deleted and made again, some days at each call. `trx` has locked the row of `stat_progress`.
 */
export async function sumUp(trx: Transaction, timeZone: string): Promise<void> {
  await useZone(trx, timeZone);
  await addHours(trx, timeZone);
  await addDays(trx, timeZone);
  for (const table of TABLES) {
    await sql`delete from ${sql.table(table)} where ctid in (
      select ctid from ${sql.table(table)} where step in ('hour', 'day') and start < now() - ${SUMS_LAST} limit 5000)`.execute(
      trx,
    );
  }
}

const TABLES = ['longhaul.stat_count_sums', 'longhaul.stat_time_sums'] as const;

async function useZone(trx: Transaction, timeZone: string): Promise<void> {
  const { rows } = await sql`
    update longhaul.stat_progress
       set sums_zone = ${timeZone}, hours_until = first.day, days_until = first.day
      from (select date_trunc('day', coalesce((select min(start) from longhaul.stat_counts where step = 'quarter'),
                                              (select quarters_until from longhaul.stat_progress)), ${timeZone}) as day) as first
     where sums_zone is distinct from ${timeZone} returning 1`.execute(trx);
  if (rows.length === 0) return;
  for (const table of TABLES) await sql`delete from ${sql.table(table)}`.execute(trx);
}

async function addHours(trx: Transaction, timeZone: string): Promise<void> {
  const until = sql`least(date_trunc('hour', quarters_until, ${timeZone}), hours_until + ${MOST_AT_ONCE})`;
  const isDue = sql`step = 'quarter' and start >= hours_until and start < ${until}`;
  const hour = sql`date_trunc('hour', start, ${timeZone})`;
  await sql`
    insert into longhaul.stat_count_sums (step, start, agent, kind, code, amount)
    select 'hour', ${hour} as hour, agent, kind, code, sum(amount)
      from longhaul.stat_counts, longhaul.stat_progress where ${isDue}
     group by hour, agent, kind, code`.execute(trx);
  await sql`
    insert into longhaul.stat_time_sums (step, agent, start, kind, bucket, runs)
    select 'hour', coalesce(agent, ''), ${hour} as hour, kind, bucket, sum(runs)
      from longhaul.stat_times, longhaul.stat_progress where ${isDue}
     group by hour, kind, bucket, grouping sets ((agent), ())`.execute(trx);
  await sql`update longhaul.stat_progress set hours_until = greatest(hours_until, ${until})`.execute(trx);
}

async function addDays(trx: Transaction, timeZone: string): Promise<void> {
  const until = sql`date_trunc('day', hours_until, ${timeZone})`;
  const isDue = sql`step = 'hour' and start >= days_until and start < ${until}`;
  const day = sql`date_trunc('day', start, ${timeZone})`;
  await sql`
    insert into longhaul.stat_count_sums (step, start, agent, kind, code, amount)
    select 'day', ${day} as day, agent, kind, code, sum(amount)
      from longhaul.stat_count_sums, longhaul.stat_progress where ${isDue}
     group by day, agent, kind, code`.execute(trx);
  await sql`
    insert into longhaul.stat_time_sums (step, agent, start, kind, bucket, runs)
    select 'day', agent, ${day} as day, kind, bucket, sum(runs)
      from longhaul.stat_time_sums, longhaul.stat_progress where ${isDue}
     group by day, agent, kind, bucket`.execute(trx);
  await sql`update longhaul.stat_progress set days_until = greatest(days_until, ${until})`.execute(trx);
}
