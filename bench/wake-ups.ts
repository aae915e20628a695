import { setTimeout } from 'node:timers/promises';
import { resolveConfig } from '../src/config/resolve.ts';
import { createId } from '../src/core/ids.ts';
import { migrate } from '../src/db/migrate.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { openQueue } from '../src/queue/open-queue.ts';
import { createAcceptRuns } from '../src/run/accept/accept-runs.ts';
import { createClaimer } from '../src/worker/claimer.ts';
import { announcePresence } from '../src/worker/presence.ts';
import type { Bench } from './bench.ts';
import { LOG } from './log.ts';
import { judge, type Measurement } from './measurement.ts';
import { queryPostgres } from './postgres-server.ts';
import { percentile } from './statistics.ts';

const QUEUES = ['first', 'second', 'third'];
const WORKERS = [1, 5, 15];
const WARM_UP_RUNS = 60;
const RUNS = 100;
const PAUSE_MS = 40;
const IDLE_MS = 20_000;
/** Room of each worker, which the runs do not use up: they are claimed and never begun. */
const ROOM = 1_000;

/** The status of a worker with room. */
const STATUS = {
  freeMemoryBytes: 2 ** 30,
  spares: 0,
  holdingReason: null,
  fault: null,
  isDraining: false,
  lastStall: null,
};

/**
 * Counts the statements of workers that wait, and of workers that compete for one run at a time: each with its own
 * connections, on PostgreSQL and the backend of `LONGHAUL_QUEUE_URL`, with three queues. They share a process, so the times are longer than those of a fleet.
 */
export async function measureWakeUps(bench: Bench): Promise<Measurement> {
  const figures: Record<string, number> = { queues: QUEUES.length, runs: RUNS };
  for (const workers of WORKERS) {
    const { claims, checks, statements, idleLooks, idleStatements, waitsMs } = await measure(bench, workers);
    figures[`workers${workers}ClaimsPerRun`] = claims / RUNS;
    figures[`workers${workers}ChecksPerRun`] = checks / RUNS;
    figures[`workers${workers}StatementsPerRun`] = statements / RUNS;
    figures[`workers${workers}WaitP50Ms`] = percentile(waitsMs, 50);
    figures[`workers${workers}WaitP99Ms`] = percentile(waitsMs, 99);
    figures[`workers${workers}IdleLooksPerSecond`] = (idleLooks / IDLE_MS) * 1_000;
    figures[`workers${workers}IdleStatementsPerSecond`] = (idleStatements / IDLE_MS) * 1_000;
    await bench.endMeasurement();
  }
  return judge('wake-ups', figures, [
    { figure: 'workers15ClaimsPerRun', below: 1.5 },
    { figure: 'workers15IdleLooksPerSecond', below: 1 },
  ]);
}

async function measure(bench: Bench, workers: number) {
  const url = (await bench.createDatabase('postgres'))['LONGHAUL_DATABASE_URL'] ?? '';
  const agents = Object.fromEntries(QUEUES.map((name) => [name, { tools: ['Read'] }]));
  const { LONGHAUL_QUEUE_URL } = process.env;
  const env = { LONGHAUL_DATABASE_URL: url, LONGHAUL_QUEUE_URL };
  const rules = resolveConfig({ input: { agents }, baseDir: '/', env });
  const server = await open();
  await migrate(server.database);
  await server.queue.start(QUEUES);
  const acceptRuns = createAcceptRuns({ ...server, rules, log: LOG });
  const claimed = new Map<string, PromiseWithResolvers<number>>();
  const claimOf = (runId: string) => {
    const claim = claimed.get(runId) ?? Promise.withResolvers<number>();
    claimed.set(runId, claim);
    return claim.promise;
  };
  for (let index = 0; index < workers; index++) await startWorker();

  const waitsMs: number[] = [];
  for (let index = 0; index < WARM_UP_RUNS; index++) await submit(index);
  await reset(url);
  for (let index = 0; index < RUNS; index++) waitsMs.push(await submit(index));
  await setTimeout(500);
  const busy = await count(url);
  await setTimeout(1_000);
  await reset(url);
  await setTimeout(IDLE_MS);
  const idle = await count(url);
  return { ...busy, idleLooks: idle.claims + idle.checks, idleStatements: idle.statements, waitsMs };

  async function open() {
    const database = await openPostgresDatabase({ url, poolSize: 5 });
    const queue = await openQueue({ database, backend: rules.queueBackend, expireSeconds: 180, log: LOG });
    bench.onEnd(async () => {
      await queue.stop();
      await database.close();
    });
    return { database, queue };
  }

  async function startWorker(): Promise<void> {
    const { database, queue } = await open();
    if (rules.queueBackend !== null) await queue.start(QUEUES);
    const id = createId();
    const presence = await announcePresence({
      database,
      worker: { id, version: 'bench', slots: ROOM, containment: '', agents: QUEUES, queues: QUEUES, pool_size: 5 },
      readStatus: () => STATUS,
      onDrainRequested() {},
      log: LOG,
    });
    bench.onEnd(() => presence.leave());
    const claimer = await createClaimer({
      deps: { database, queue, rules, log: LOG },
      workerId: id,
      queues: QUEUES,
      agents: new Set(QUEUES),
      freeSlots: () => ROOM,
      onClaim({ run }) {
        void claimOf(run.id);
        claimed.get(run.id)!.resolve(performance.now());
      },
    });
    bench.onEnd(() => claimer.stop());
  }

  /** Returns the time from the end of a submission to the claim of its run, in ms. */
  async function submit(index: number): Promise<number> {
    const agent = rules.agents.get(QUEUES[index % QUEUES.length]!)!;
    const { limits } = agent;
    const submission = { agent, prompt: 'Wait.', user: null, team: null, metadata: {}, priority: 0, startAfter: null };
    const origin = { requestedLimits: {}, retryOf: null, idempotencyKey: null, createdBy: createId() };
    const { runs } = await acceptRuns({ submission: { ...submission, ...origin, limits } });
    const submittedAt = performance.now();
    const waitMs = (await claimOf(runs[0]!.id)) - submittedAt;
    await setTimeout(PAUSE_MS);
    return Math.max(0, waitMs);
  }
}

async function reset(url: string): Promise<void> {
  await queryPostgres(url, 'select pg_stat_statements_reset()');
}

async function count(url: string): Promise<{ claims: number; checks: number; statements: number }> {
  const [row] = await queryPostgres(
    url,
    `select coalesce(sum(calls) filter (where query ~* 'for update of j skip locked'), 0)::int as claims,
            coalesce(sum(calls) filter (where query ~ 'nextInMs' and query !~ 'due_until'), 0)::int as checks,
            coalesce(sum(calls) filter (where query ~ 'due_until'), 0)::int as sweeps,
            coalesce(sum(calls), 0)::int as statements
       from pg_stat_statements
      where dbid = (select oid from pg_database where datname = current_database())`,
  );
  return { claims: Number(row?.['claims']), checks: Number(row?.['checks']), statements: Number(row?.['statements']) };
}
