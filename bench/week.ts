import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { createId } from '../src/core/ids.ts';
import { migrate } from '../src/db/migrate.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { resolveConfig } from '../src/config/resolve.ts';
import { removeExpiredRuns } from '../src/run/remove-expired.ts';
import type { Bench } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { DAYS, prepareRuns, toAgents, writeRange } from './million-runs.ts';

/** Days of the simulation, at whose end the runs of the last seven are there. */
const SIMULATED_DAYS = 28;
const KEPT_DAYS = 7;
const RUNS_A_DAY = 5_000;

/** Tables that keep every row: the record of money, and the sums. */
const KEPT_TABLES = ['ledger_entries', 'cost_rollups', 'audit_entries'];

/**
 * Measures whether the tables grow over weeks in which as many runs are deleted as are submitted: the size of the tables
 * and indexes when the first day is deleted, and after three more weeks. A day's runs are written, then changed as often as
 * an execution changes them, and the day that has expired is deleted. Autovacuum looks every second, so that a day of the
 * simulation has as many of its rounds as it has time for in a few hours.
 */
export async function measureWeek(bench: Bench): Promise<Measurement> {
  const url = (await bench.createDatabase('postgres'))['LONGHAUL_DATABASE_URL'] ?? '';
  const database = await openPostgresDatabase({ url });
  bench.onEnd(() => database.close());
  await migrate(database);
  const config = resolveConfig({ input: { agents: toAgents() }, baseDir: '/', env: { LONGHAUL_DATABASE_URL: url } });
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  bench.onEnd(() => client.end());
  await client.query(`alter system set autovacuum_naptime = '1s'`);
  await client.query('select pg_reload_conf()');

  const { limits } = [...config.agents.values()][0]!;
  const count = SIMULATED_DAYS * RUNS_A_DAY;
  await prepareRuns(client, count);
  const sizes: Map<string, number>[] = [];
  for (let day = 1; day <= SIMULATED_DAYS; day++) {
    const range = [(day - 1) * RUNS_A_DAY + 1, day * RUNS_A_DAY] as const;
    await writeRange(client, range, { limits, createdBy: createId() });
    await changeAsExecutionsDo(client, range);
    const expired = (day - KEPT_DAYS) * RUNS_A_DAY;
    if (expired > 0) await removeExpiredRuns(database, { retentionDays: DAYS * (1 - expired / count) });
    await waitForAutovacuum(client);
    sizes.push(await readSizes(client));
  }
  const first = sizes[KEPT_DAYS]!;
  const last = sizes.at(-1)!;
  for (const [table, size] of last) {
    const grown = size - (first.get(table) ?? 0);
    if (grown > 2 ** 20) console.error(`week: ${table} grew by ${toMiB(grown)} to ${toMiB(size)} MiB`);
  }
  const { rows } = await client.query<{ runs: number }>('select count(*)::int as runs from longhaul.runs');
  return judge(
    'week',
    {
      runsADay: RUNS_A_DAY,
      runsAtEnd: rows[0]?.runs ?? 0,
      ...Object.fromEntries(
        [KEPT_DAYS, 2 * KEPT_DAYS - 1, 3 * KEPT_DAYS - 1, 4 * KEPT_DAYS - 1].map((day) => [
          `day${day + 1}MiB`,
          toMiB(total(sizes[day]!)),
        ]),
      ),
      growthRatio: total(last) / total(first),
      lastWeekGrowthRatio: total(last) / total(sizes[3 * KEPT_DAYS - 1]!),
    },
    [
      { figure: 'growthRatio', atMost: 1.5 },
      { figure: 'lastWeekGrowthRatio', atMost: 1.1 },
    ],
  );
}

function total(sizes: ReadonlyMap<string, number>): number {
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function toMiB(bytes: number): number {
  return Math.round(bytes / 2 ** 18) / 4;
}

/** Writes each row of the runs as often as a claim, its progress and a settlement do, and so leaves as many old versions. */
async function changeAsExecutionsDo(client: pg.Client, [first, last]: readonly [number, number]): Promise<void> {
  for (const change of [
    `status = 'running', started_at = created_at, finished_at = null, result = null`,
    `event_seq = event_seq + 1`,
    `event_seq = event_seq + 1`,
    `status = 'succeeded', finished_at = created_at + duration_ms * interval '1 ms', result = 'Done.'`,
  ])
    await client.query(
      `update longhaul.runs set ${change} where id >= bench.run_id(${first}) and id <= bench.run_id(${last})`,
    );
}

/** Resolves when autovacuum has caught up, as it does between the busy hours of a day. */
async function waitForAutovacuum(client: pg.Client): Promise<void> {
  for (let quietSeconds = 0; quietSeconds < 3;) {
    await setTimeout(1_000);
    const { rows } = await client.query<{ busy: number }>(
      `select count(*)::int as busy from pg_stat_activity where backend_type = 'autovacuum worker'`,
    );
    quietSeconds = rows[0]?.busy === 0 ? quietSeconds + 1 : 0;
  }
}

/** Returns the bytes of each table with its indexes. */
async function readSizes(client: pg.Client): Promise<Map<string, number>> {
  const { rows } = await client.query<{ name: string; size: string }>(
    `select relname as name, pg_total_relation_size(oid) as size from pg_class
      where relnamespace = 'longhaul'::regnamespace and relkind = 'r' and relname <> all($1)`,
    [KEPT_TABLES],
  );
  return new Map(rows.map(({ name, size }) => [name, Number(size)]));
}
