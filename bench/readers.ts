import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { createId } from '../src/core/ids.ts';
import type { Database } from '../src/db/database.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { createDatabaseQueue } from '../src/queue/database-queue.ts';
import { recordEvents } from '../src/run/log/append-events.ts';
import { claimRuns, type Claim } from '../src/run/claim/claim.ts';
import type { Bench } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul, type RunningLonghaul } from './start-longhaul.ts';
import { percentile } from './statistics.ts';

const RUNS = 50;
const READERS = 1_000;
/** Readers that connect first, so that the fixed cost of reading is not counted for the rest. */
const FIRST_READERS = 50;
/** As in a small container: with free memory, a heap grows as its collector likes, regardless of readers. */
const HEAP = '--max-old-space-size=128 --max-semi-space-size=8';
const BATCHES = 50;
/** As often as a worker writes the text of a model. */
const BATCH_EVERY_MS = 200;
const DELTAS_PER_BATCH = 3;

/**
 * Measures a thousand readers of fifty runs that stream text, over SSE from one server on PostgreSQL: the time of a
 * batch of events from its writer to each reader, the memory of the server for each reader, and lost events. The bench
 * writes as workers do and reads as clients do, on the same two cores.
 */
export async function measureReaders(bench: Bench): Promise<Measurement> {
  const variables = await bench.createDatabase('postgres');
  const longhaul = await startLonghaul({ bench, command: 'server', variables: { ...variables, NODE_OPTIONS: HEAP } });
  const talkers = await beginTalkers(bench, { longhaul, databaseUrl: variables['LONGHAUL_DATABASE_URL'] ?? '' });
  const agent = new Agent({ maxSockets: Infinity });
  bench.onEnd(() => Promise.resolve(agent.destroy()));
  const heard = createHearing();

  const opened = (count: number, from: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) => {
        const reader = from + index;
        const after = talkers.runs[reader % RUNS]!;
        return openReader({ longhaul, agent, after, hear: (event) => heard.hear(reader, event) });
      }),
    );

  await opened(FIRST_READERS, 0);
  await talkers.talk(10);
  const before = await readResidentBytes(longhaul.pid);
  await opened(READERS - FIRST_READERS, FIRST_READERS);
  heard.begin();
  const memory: number[] = [];
  const watching = watchMemory(longhaul.pid, memory);
  await talkers.talk(BATCHES);
  await setTimeout(2_000);
  watching.abort();
  const expected = READERS * BATCHES * DELTAS_PER_BATCH;
  return judge(
    'readers',
    {
      runs: RUNS,
      readers: READERS,
      eventsDelivered: heard.count(),
      eventsLost: expected - heard.count(),
      p50Ms: percentile(heard.delays, 50),
      p99Ms: percentile(heard.delays, 99),
      serverMib: percentile(memory, 100) / 1_024 ** 2,
      memoryPerReaderKib: (percentile(memory, 100) - before) / 1_024 / (READERS - FIRST_READERS),
    },
    [
      { figure: 'eventsLost', atMost: 0 },
      { figure: 'memoryPerReaderKib', below: 100 },
    ],
  );
}

interface HeardEvent {
  readonly at: number;
  readonly number: number;
}

/** Counts the events that readers receive, and measures the delay of the first of each batch. */
function createHearing() {
  const delays: number[] = [];
  const seen = new Map<number, number>();
  let isCounted = false;
  return {
    delays,
    /** Starts to count. */
    begin(): void {
      isCounted = true;
    },
    hear(reader: number, { at, number }: HeardEvent): void {
      if (!isCounted) return;
      if (number === 0) delays.push(performance.timeOrigin + performance.now() - at);
      seen.set(reader, (seen.get(reader) ?? 0) + 1);
    },
    count: (): number => [...seen.values()].reduce((sum, count) => sum + count, 0),
  };
}

/** A run that the bench executes, and the last `seq` of its log. */
interface TalkingRun extends Claim {
  seq: number;
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
  const runs = claims.map((claim) => ({ ...claim, seq: claim.lastSeq }));
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
  const at = performance.timeOrigin + startedAt;
  const events = Array.from({ length: DELTAS_PER_BATCH }, (_, number) => ({
    type: 'agent.text.delta' as const,
    data: { text: JSON.stringify({ at, number }), blockId: 'block' },
  }));
  const { lease, seq } = run;
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

interface ReaderOptions {
  readonly longhaul: RunningLonghaul;
  readonly agent: Agent;
  /** The run to follow, after its last event so far. */
  readonly after: TalkingRun;
  readonly hear: (event: HeardEvent) => void;
}

/** Follows a run as a client does, from now on; resolves once it is connected. */
function openReader({ longhaul, agent, after: { run, seq }, hear }: ReaderOptions): Promise<void> {
  const connected = Promise.withResolvers<void>();
  const headers = { ...longhaul.headers, accept: 'text/event-stream' };
  const asked = request(`${longhaul.url}/v1/runs/${run.id}/events?after=${seq}`, { agent, headers });
  asked.on('error', connected.reject);
  asked.on('response', (response) => {
    if (response.statusCode !== 200) connected.reject(new Error(`A reader was answered with ${response.statusCode}.`));
    let rest = '';
    response.setEncoding('utf8');
    response.on('error', () => {}); // The end of the bench.
    response.on('data', (text: string) => {
      connected.resolve();
      const frames = (rest + text).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) {
        if (!frame.includes('event: agent.text.delta\n')) continue;
        const { data } = JSON.parse(frame.slice(frame.indexOf('data: ') + 6)) as { data: { text: string } };
        hear(JSON.parse(data.text) as HeardEvent);
      }
    });
  });
  asked.end();
  return connected.promise;
}

async function readResidentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}
