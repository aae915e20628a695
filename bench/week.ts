import pg from 'pg';
import { createId } from '../src/core/ids.ts';
import { migrate } from '../src/db/migrate.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { resolveConfig } from '../src/config/resolve.ts';
import { openQueue } from '../src/queue/open-queue.ts';
import { removeExpiredRuns } from '../src/run/remove-expired.ts';
import type { Bench } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { DAYS, prepareRuns, toAgents, writeRange } from './million-runs.ts';

/** Days of the simulation, at whose end the runs of the last seven are there. */
const SIMULATED_DAYS = 21;
const KEPT_DAYS = 7;
const RUNS_A_DAY = 5_000;

/** Tables that keep every row: the record of money, and the sums. */
const KEPT_TABLES = ['ledger_entries', 'cost_rollups', 'audit_entries'];

/**
 * Measures whether the tables grow over weeks in which as many runs are deleted as are submitted: the size of the tables
 * and indexes after the first week that deletes, and two weeks later. A day's runs are written, then changed as often as
 * an execution changes them, and the day that has expired is deleted. Autovacuum looks every second, so that a day of the
 * simulation has as many of its rounds as it has time for in a few hours.
 */
export async function measureWeek(bench: Bench): Promise<Measurement> {
  const url = (await bench.createDatabase('postgres'))['LONGHAUL_DATABASE_URL'] ?? '';
  const database = await openPostgresDatabase({ url });
  bench.onEnd(() => database.close());
  await migrate(database);
  const config = resolveConfig({ input: { agents: toAgents() }, baseDir: '/', env: { LONGHAUL_DATABASE_URL: url } });
  const log = { debug() {}, info() {}, warn: console.error, error: console.error, fatal: console.error };
  const queue = await openQueue({ database, backend: null, expireSeconds: 180, log });
  bench.onEnd(() => queue.stop());
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  bench.onEnd(() => client.end());
  await client.query(`alter system set autovacuum_naptime = '1s'`);
  await client.query('select pg_reload_conf()');

  const { limits } = [...config.agents.values()][0]!;
  const count = SIMULATED_DAYS * RUNS_A_DAY;
  await prepareRuns(client, count);
  const sizes: number[] = [];
  for (let day = 1; day <= SIMULATED_DAYS; day++) {
    const range = [(day - 1) * RUNS_A_DAY + 1, day * RUNS_A_DAY] as const;
    await writeRange(client, range, { limits, createdBy: createId() });
    await changeAsExecutionsDo(client, range);
    const expired = (day - KEPT_DAYS) * RUNS_A_DAY;
    if (expired > 0) await removeExpiredRuns(database, { retentionDays: DAYS * (1 - expired / count) });
    await waitForAutovacuum(client);
    sizes.push(await readSize(client));
  }
  const [{ runs } = { runs: 0 }] = (
    await client.query<{ runs: number }>('select count(*)::int as runs from longhaul.runs')
  ).rows;
  const figures = {
    runsADay: RUNS_A_DAY,
    runsAtEnd: runs,
    sizeAfterWeekMiB: sizes[KEPT_DAYS]! / 2 ** 20,
    sizeAtEndMiB: sizes.at(-1)! / 2 ** 20,
    growthRatio: sizes.at(-1)! / sizes[KEPT_DAYS]!,
  };
  return judge('week', figures, [{ figure: 'growthRatio', atMost: 1.3 }]);
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
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const { rows } = await client.query<{ busy: number }>(
      `select count(*)::int as busy from pg_stat_activity where backend_type = 'autovacuum worker'`,
    );
    quietSeconds = rows[0]?.busy === 0 ? quietSeconds + 1 : 0;
  }
}

async function readSize(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ size: string }>(
    `select sum(pg_total_relation_size(oid)) as size from pg_class
      where relnamespace = 'longhaul'::regnamespace and relkind = 'r' and relname <> all($1)`,
    [KEPT_TABLES],
  );
  return Number(rows[0]?.size);
}
