import { readFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { queryPostgres } from './postgres-server.ts';
import {
  AGENT,
  startLonghaul,
  startWorker,
  STUB_CLAUDE,
  type LonghaulProcess,
  type RunningLonghaul,
} from './start-longhaul.ts';

const { LONGHAUL_BENCH_WORKERS } = process.env;
const FLEETS = LONGHAUL_BENCH_WORKERS === undefined ? [4, 16, 64] : [Number(LONGHAUL_BENCH_WORKERS)];
const USERS = 50;
const RUNS = 1_000;
const STARTED_AT_ONCE = 8;
const REST_MS = 15_000;
/** In production workers have separate machines: here the database and the server come first (setpriority(2)). */
const WORKER_PRIORITY = 10;

/**
 * Measures workers that are processes with one slot each, on one PostgreSQL with a server, with an executable that
 * answers at once: runs a second, what a run costs the database and the workers, connections, and how evenly users are
 * served.
 */
export async function measureFleet(bench: Bench): Promise<Measurement> {
  const figures: Record<string, number> = { runs: RUNS, users: USERS };
  for (const workers of FLEETS) {
    for (const [name, value] of Object.entries(await measure(bench, workers)))
      figures[`workers${workers}${name}`] = value;
    await bench.endMeasurement();
  }
  return judge('fleet', figures, [
    { figure: 'workers64UnfairRuns', atMost: 3 },
    { figure: 'workers64RestingConnectionsPerWorker', atMost: 2.5 },
    { figure: 'workers64RunsTwice', atMost: 0 },
  ]);
}

async function measure(bench: Bench, workers: number): Promise<Record<string, number>> {
  const databaseVariables = await bench.createDatabase('postgres');
  const url = databaseVariables['LONGHAUL_DATABASE_URL'] ?? '';
  const variables = { ...databaseVariables, LONGHAUL_CLAUDE_PATH: STUB_CLAUDE };
  const server = await startLonghaul({ bench, command: 'server', variables });
  const fleet: LonghaulProcess[] = [];
  while (fleet.length < workers) {
    const next = Array.from({ length: Math.min(STARTED_AT_ONCE, workers - fleet.length) }, () =>
      startWorker({ bench, slots: 1, variables }),
    );
    for (const worker of await Promise.all(next)) {
      setPriority(worker.pid, WORKER_PRIORITY);
      fleet.push(worker);
    }
  }
  await setTimeout(REST_MS);
  const resting = await countConnections(url);
  await finish(server, url, USERS);

  await queryPostgres(url, 'select pg_stat_statements_reset()');
  const cpuBefore = await readCpuMs(fleet);
  await finish(server, url, RUNS);
  const busy = await countConnections(url);
  const cpuAfter = await readCpuMs(fleet);
  const [database] = await queryPostgres(
    url,
    `select sum(calls)::float8 as calls, sum(total_exec_time)::float8 as ms from pg_stat_statements
      where dbid = (select oid from pg_database where datname = current_database())`,
  );
  const runs = await queryPostgres(
    url,
    `select user_id, extract(epoch from started_at)::float8 as started, extract(epoch from finished_at)::float8 as finished, attempt
       from longhaul.runs order by id desc limit ${RUNS}`,
  );
  const started = runs.toSorted((a, b) => Number(a['started']) - Number(b['started']));
  const seconds = Math.max(...runs.map((run) => Number(run['finished']))) - Number(started[0]?.['started']);
  return {
    RunsPerSecond: RUNS / seconds,
    StatementsPerRun: Number(database?.['calls']) / RUNS,
    DatabaseMsPerRun: Number(database?.['ms']) / RUNS,
    WorkerCpuMsPerRun: (cpuAfter - cpuBefore) / RUNS,
    RestingConnectionsPerWorker: resting / workers,
    BusyConnectionsPerWorker: busy / workers,
    UnfairRuns: findLead(started.map((run) => String(run['user_id']))),
    RunsTwice: runs.filter((run) => run['attempt'] !== 1).length,
  };
}

/**
 * Submits runs, evenly over the users, and waits until all are finished. None begins before all are there: nobody is ahead
 * of a user who has not submitted yet.
 */
async function finish({ client }: RunningLonghaul, url: string, count: number): Promise<void> {
  const runs = Array.from({ length: count }, (_, index) => ({
    agent: AGENT,
    prompt: 'Do nothing.',
    // In blocks: the last user waits longest unless users take turns.
    user: `user-${Math.floor((index / count) * USERS)}`,
  }));
  await client.pauseQueue(AGENT);
  for (let from = 0; from < count; from += 500) await client.submitMany(runs.slice(from, from + 500));
  await client.resumeQueue(AGENT);
  for (;;) {
    const [row] = await queryPostgres(
      url,
      `select count(*)::int as count from longhaul.runs where finished_at is null`,
    );
    if (row?.['count'] === 0) return;
    await setTimeout(500);
  }
}

/** The greatest number of runs that a user had started more than another, while both had runs to start. */
function findLead(users: readonly string[]): number {
  const counts = new Map<string, number>([...new Set(users)].map((user) => [user, 0]));
  const each = users.length / counts.size;
  let lead = 0;
  for (const user of users) {
    counts.set(user, counts.get(user)! + 1);
    const unfinished = [...counts.values()].filter((count) => count < each);
    if (unfinished.length > 0) lead = Math.max(lead, counts.get(user)! - Math.min(...unfinished));
  }
  return lead;
}

async function countConnections(url: string): Promise<number> {
  const [row] = await queryPostgres(
    url,
    `select count(*)::int as count from pg_stat_activity
      where datname = current_database() and application_name like 'longhaul%'`,
  );
  return Number(row?.['count']);
}

/** Processor time of the workers and of their children that have ended, in ms. */
async function readCpuMs(fleet: readonly LonghaulProcess[]): Promise<number> {
  const times = await Promise.all(
    fleet.map(async ({ pid }) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * 10;
    }),
  );
  return times.reduce((sum, time) => sum + time, 0);
}
