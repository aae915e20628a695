import { sql } from 'kysely';
import type { Database } from '../src/db/database.ts';
import { migrate } from '../src/db/migrate.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { COST_GROUPINGS } from '../src/run/costs/add-up-costs.ts';
import { toCostRange } from '../src/run/costs/cost-range.ts';
import { SEES_ALL } from '../src/run/viewer.ts';
import { readCosts } from '../src/run/costs/costs.ts';
import type { Bench } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { percentile } from './statistics.ts';

const ENTRIES = 1_000_000;
const DAYS = 120;
/** The first day; the clocks change before the last. */
const FIRST_DAY = '2026-07-15';
const TIME_ZONE = 'Europe/Berlin';

const REPETITIONS = 20;

/** Whole months, the worst 30 days that fit no month, and instants that cut days in two. */
const RANGES = {
  wholeMonths: { from: '2026-08-01', to: '2026-11-01' },
  thirtyDays: { from: '2026-08-16', to: '2026-09-15' },
  oddInstants: { from: new Date('2026-08-16T10:17:31.123Z'), to: new Date('2026-10-15T10:31:07.001Z') },
};

/**
 * Measures how long the costs of a million entries take to read, by each grouping over each range, and checks that they
 * equal the sum of the entries. Reads a page of 200 rows with its totals, as `GET /v1/costs` does.
 */
export async function measureCosts(bench: Bench): Promise<Measurement> {
  const { LONGHAUL_DATABASE_URL: url = '' } = await bench.createDatabase('postgres');
  const database = await openPostgresDatabase({ url });
  bench.onEnd(() => database.close());
  await migrate(database);
  await fillLedger(database);

  const figures: Record<string, number> = { entries: await countEntries(database), wrongMicros: 0 };
  const all: number[] = [];
  for (const [name, given] of Object.entries(RANGES)) {
    const times: number[] = [];
    for (const groupBy of COST_GROUPINGS) {
      for (let index = -1; index < REPETITIONS; index++) {
        const startedAt = performance.now();
        const range = await toCostRange(database, { ...given, timeZone: TIME_ZONE });
        const { totals } = await readCosts(database, { viewer: SEES_ALL, groupBy, range, limit: 200 });
        if (index >= 0) times.push(performance.now() - startedAt);
        else figures['wrongMicros']! += await compare(database, { ...range, costUsd: totals.costUsd });
      }
    }
    figures[`${name}P50Ms`] = percentile(times, 50);
    figures[`${name}P95Ms`] = percentile(times, 95);
    all.push(...times);
  }
  figures['p50Ms'] = percentile(all, 50);
  figures['p95Ms'] = percentile(all, 95);
  return judge('costs', figures, [
    { figure: 'p95Ms', below: 50 },
    { figure: 'wrongMicros', atMost: 0 },
    { figure: 'entries', atLeast: ENTRIES },
  ]);
}

/**
 * Writes a day's entries at a time, each of a separate attempt, through the function that settlements use, which adds
 * up the sums. Users differ in their number of runs, models in their cost.
 */
async function fillLedger(database: Database): Promise<void> {
  await sql`alter table longhaul.ledger_entries alter column at set default
    current_setting('bench.day')::timestamptz + random() * interval '1 day'`.execute(database.sql);
  const perDay = Math.ceil(ENTRIES / DAYS);
  for (let day = 0; day < DAYS; day++) {
    await database.sql.transaction().execute(async (trx) => {
      await sql`select set_config('bench.day', (${FIRST_DAY}::timestamp + ${day} * interval '1 day')::text || '+02', true)`.execute(
        trx,
      );
      await sql`
        select longhaul.post_entries(json_agg(entry), ${TIME_ZONE})
          from (select gen_random_uuid() as attempt_id, 0 as position, gen_random_uuid() as run_id, 1 as attempt,
                       'agent ' || (number % 20) as agent, 'user ' || floor(1000 * random() ^ 1.5) as user_id,
                       'team ' || (number % 19) as team, 'model ' || (number % 5) as model, 'succeeded' as outcome,
                       case when number % 10 > 0 then 'succeeded' end as concludes, floor(1e4 * random())::int as input_tokens,
                       floor(1e3 * random())::int as output_tokens, floor(1e5 * random())::int as cache_read_tokens,
                       floor(1e4 * random())::int as cache_creation_tokens, 0 as cache_creation_1h_tokens,
                       0 as web_searches, 0 as duration_ms, price as cost_micros, price as sdk_cost_micros,
                       case when number % 5 < 4 then price - 1 end as own_cost_micros
                  from (select number, 1 + floor(1e5 * random() * (1 + number % 5))::int as price
                          from generate_series(1, ${perDay}::int) as number) as attempt) as entry`.execute(trx);
    });
  }
  // The state in which autovacuum leaves a table that has grown over months.
  for (const table of ['ledger_entries', 'cost_rollups'])
    await sql`vacuum analyze ${sql.table(`longhaul.${table}`)}`.execute(database.sql);
}

async function countEntries(database: Database): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) from longhaul.ledger_entries`.execute(database.sql);
  return rows[0]?.count ?? 0;
}

/** Returns by how many micro-dollars a total differs from the sum over the entries. */
async function compare(
  database: Database,
  { from, to, costUsd }: { from: Date; to: Date; costUsd: number },
): Promise<number> {
  const { rows } = await sql<{ micros: number }>`
    select sum(cost_micros)::bigint as micros from longhaul.ledger_entries where at >= ${from} and at < ${to}`.execute(
    database.sql,
  );
  return Math.abs((rows[0]?.micros ?? 0) - Math.round(costUsd * 1e6));
}
