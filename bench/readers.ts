import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { createId } from '../src/core/ids.ts';
import type { Database } from '../src/db/database.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { createDatabaseQueue } from '../src/queue/database-queue.ts';
import { recordEvents } from '../src/run/log/append-events.ts';
import { claimRuns, type Claim } from '../src/run/claim/claim.ts';
import type { Bench } from './bench.ts';
import { openEventReader } from './event-reader.ts';
import { judge, type Measurement } from './measurement.ts';
import { readCpuSeconds } from './peers/process-tree.ts';
import { AGENT, startLonghaul, type RunningLonghaul } from './start-longhaul.ts';
import { percentile } from './statistics.ts';

const RUNS = 50;
const READERS = 1_000;
/** Readers that connect first, so that the fixed cost of reading is not counted for the rest. */
const FIRST_READERS = 50;
/** Readers of the crowd that only must lose nothing. */
const CROWD = 5_000;
/** Readers that connect at once. */
const CONNECTING = 20;
/** As in a small container: with free memory, a heap grows as its collector likes, regardless of readers. */
const HEAP = '--max-old-space-size=128 --max-semi-space-size=8';
const CROWD_HEAP = '--max-old-space-size=512 --max-semi-space-size=8';
const BATCHES = 50;
/** As often as a worker writes the text of a model. */
const BATCH_EVERY_MS = 200;
const DELTAS_PER_BATCH = 3;
/** Longest time that the last events may take. */
const LAST_EVENTS_MS = 30_000;

/**
 * Measures a thousand readers of fifty runs that stream text, over SSE from one server on PostgreSQL: the time of a
 * batch of events from its writer to each reader, the memory and the processor time of the server, and lost or doubled
 * events; then five thousand readers, who must lose nothing. The bench writes as workers do, on the same two cores.
 */
export async function measureReaders(bench: Bench): Promise<Measurement> {
  const readers = await measureCrowd(bench, { readers: READERS, heap: HEAP });
  const crowd = await measureCrowd(bench, { readers: CROWD, heap: CROWD_HEAP });
  return judge(
    'readers',
    {
      runs: RUNS,
      readers: READERS,
      ...readers,
      crowd: CROWD,
      crowdEventsLost: crowd.eventsLost,
      crowdEventsDoubled: crowd.eventsDoubled,
      crowdP50Ms: crowd.p50Ms,
      crowdP99Ms: crowd.p99Ms,
      crowdServerMib: crowd.serverMib,
    },
    [
      { figure: 'eventsLost', atMost: 0 },
      { figure: 'eventsDoubled', atMost: 0 },
      { figure: 'p99Ms', atMost: 100 },
      { figure: 'memoryPerReaderKib', below: 100 },
      { figure: 'crowdEventsLost', atMost: 0 },
      { figure: 'crowdEventsDoubled', atMost: 0 },
    ],
  );
}

/** Measures a crowd of readers at a separate server. */
async function measureCrowd(bench: Bench, { readers, heap }: { readers: number; heap: string }) {
  const variables = await bench.createDatabase('postgres');
  const longhaul = await startLonghaul({ bench, command: 'server', variables: { ...variables, NODE_OPTIONS: heap } });
  const talkers = await beginTalkers(bench, { longhaul, databaseUrl: variables['LONGHAUL_DATABASE_URL'] ?? '' });
  const hearing = createHearing(talkers.runs);
  const open = async (from: number, to: number) => {
    for (let next = from; next < to; next += CONNECTING) {
      const count = Math.min(CONNECTING, to - next);
      await Promise.all(
        Array.from({ length: count }, async (_, index) => {
          const run = talkers.runs[(next + index) % RUNS]!;
          const { url, headers } = longhaul;
          const place = { runId: run.run.id, after: run.seq, hear: hearing.add(run) };
          const socket = await openEventReader({ url: new URL(url), headers, ...place });
          bench.onEnd(() => Promise.resolve(void socket.destroy()));
        }),
      );
    }
  };

  await open(0, FIRST_READERS);
  await talkers.talk(10);
  const before = await readResidentBytes(longhaul.pid);
  await open(FIRST_READERS, readers);
  hearing.begin();
  const memory: number[] = [];
  const watching = watchMemory(longhaul.pid, memory);
  const cpuBefore = await readCpuSeconds([longhaul.pid]);
  await talkers.talk(BATCHES);
  const endAt = performance.now() + LAST_EVENTS_MS;
  const expected = readers * BATCHES * DELTAS_PER_BATCH;
  while (hearing.counts.heard < expected && performance.now() < endAt) await setTimeout(100);
  const cpuMs = ((await readCpuSeconds([longhaul.pid])) - cpuBefore) * 1_000;
  watching.abort();
  const { heard, doubled } = hearing.counts;
  const peak = percentile(memory, 100);
  return {
    eventsDelivered: heard,
    eventsLost: expected - heard,
    eventsDoubled: doubled,
    p50Ms: percentile(hearing.delays, 50),
    p99Ms: percentile(hearing.delays, 99),
    serverMib: peak / 1_024 ** 2,
    serverCpuMsPer1000Events: (cpuMs / heard) * 1_000,
    memoryPerReaderKib: (peak - before) / 1_024 / (readers - FIRST_READERS),
  };
}

/** Counts the events that readers receive, and measures the delay of the first of each batch. */
function createHearing(runs: readonly TalkingRun[]) {
  const delays: number[] = [];
  const counts = { heard: 0, doubled: 0 };
  let isCounted = false;
  return {
    delays,
    counts,
    /** Starts to count. */
    begin(): void {
      for (const run of runs) run.writtenAt.clear();
      isCounted = true;
    },
    /** Adds a reader of the run, after its last event so far. */
    add(run: TalkingRun): (seq: number) => void {
      let last = run.seq;
      return (seq) => {
        const isNew = seq > last;
        last = Math.max(last, seq);
        if (!isCounted) return;
        if (!isNew) return void (counts.doubled += 1);
        counts.heard += 1;
        const writtenAt = run.writtenAt.get(seq);
        if (writtenAt !== undefined) delays.push(performance.now() - writtenAt);
      };
    },
  };
}

/** A run that the bench executes, and the last `seq` of its log. */
interface TalkingRun extends Claim {
  seq: number;
  /** The times from before each batch was written, by the `seq` of its first event. */
  readonly writtenAt: Map<number, number>;
}

interface Talkers {
  readonly runs: readonly TalkingRun[];
  /** Writes the same number of batches to every run, with the runs spread over the time between two batches. */
  talk(batches: number): Promise<void>;
}

/** Claims the runs in place of a worker. */
async function beginTalkers(
  bench: Bench,
  { longhaul, databaseUrl }: { longhaul: RunningLonghaul; databaseUrl: string },
): Promise<Talkers> {
  const database = await openPostgresDatabase({ url: databaseUrl, poolSize: 20 });
  const queue = createDatabaseQueue({ database, expireSeconds: 180, onError: (error) => console.error(error) });
  await queue.start([AGENT]);
  bench.onEnd(async () => {
    await queue.stop();
    await database.close();
  });
  for (let index = 0; index < RUNS; index++) await longhaul.client.submit({ agent: AGENT, prompt: 'Talk.' });
  const deps = { database, queue, rules: longhaul.config };
  const options = { queue: AGENT, workerId: createId(), limit: RUNS, agents: new Set([AGENT]) };
  const { claims } = await claimRuns(deps, options);
  if (claims.length !== RUNS) throw new Error(`${claims.length} of ${RUNS} runs could be begun.`);
  await sql`update longhaul.runs set lease_expires_at = now() + interval '1 hour'`.execute(database.sql);
  const runs = claims.map((claim) => ({ ...claim, seq: claim.lastSeq, writtenAt: new Map<number, number>() }));
  return {
    runs,
    async talk(batches) {
      await Promise.all(
        runs.map(async (run, index) => {
          await setTimeout((index / RUNS) * BATCH_EVERY_MS);
          for (let batch = 0; batch < batches; batch++) await writeBatch(database, run);
        }),
      );
    },
  };
}

/** Writes one batch of events, and waits for the time of the next. */
async function writeBatch(database: Database, run: TalkingRun): Promise<void> {
  const startedAt = performance.now();
  const events = Array.from({ length: DELTAS_PER_BATCH }, (_, number) => ({
    type: 'agent.text.delta' as const,
    data: { text: `${number} of the words that a model has written.`, blockId: 'block' },
  }));
  const { lease, seq } = run;
  run.writtenAt.set(seq + 1, startedAt);
  if (!(await recordEvents(database, { runId: run.run.id, attempt: 1, events, lease, lastSeq: seq }))) {
    throw new Error('A run was taken away.');
  }
  run.seq += events.length;
  await setTimeout(Math.max(0, BATCH_EVERY_MS - (performance.now() - startedAt)));
}

function watchMemory(pid: number, found: number[]): AbortController {
  const ending = new AbortController();
  void (async () => {
    while (!ending.signal.aborted) {
      found.push(await readResidentBytes(pid));
      await setTimeout(500);
    }
  })();
  return ending;
}

async function readResidentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}
