import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import type { RunResource } from '../src/client/client.ts';
import { createId } from '../src/core/ids.ts';
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
  const database = await openPostgresDatabase({ url: variables['LONGHAUL_DATABASE_URL'] ?? '', poolSize: 20 });
  const queue = createDatabaseQueue({ database, expireSeconds: 180, onError: (error) => console.error(error) });
  await queue.start([AGENT]);
  bench.onEnd(async () => {
    await queue.stop();
    await database.close();
  });
  const claims = await beginRuns();
  const agent = new Agent({ maxSockets: Infinity });
  bench.onEnd(() => Promise.resolve(agent.destroy()));
  const delays: number[] = [];
  const seen = new Map<number, number>();
  let isCounted = false;

  const opened = (count: number, from: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) => {
        const reader = from + index;
        const { runId } = claims[reader % RUNS]!.lease;
        return openReader({ longhaul, agent, runId, hear: (event) => hear(reader, event) });
      }),
    );
  function hear(reader: number, { at, number }: { at: number; number: number }): void {
    if (!isCounted) return;
    if (number === 0) delays.push(performance.timeOrigin + performance.now() - at);
    seen.set(reader, (seen.get(reader) ?? 0) + 1);
  }

  await opened(FIRST_READERS, 0);
  await talk(10);
  const before = await readResidentBytes(longhaul.pid);
  await opened(READERS - FIRST_READERS, FIRST_READERS);
  isCounted = true;
  const memory: number[] = [];
  const watching = watchMemory(memory);
  await talk(BATCHES);
  await setTimeout(2_000);
  watching.abort();
  const expected = READERS * BATCHES * DELTAS_PER_BATCH;
  const heard = [...seen.values()].reduce((sum, count) => sum + count, 0);
  return judge(
    'readers',
    {
      runs: RUNS,
      readers: READERS,
      eventsDelivered: heard,
      eventsLost: expected - heard,
      p50Ms: percentile(delays, 50),
      p99Ms: percentile(delays, 99),
      serverMib: percentile(memory, 100) / 1_024 ** 2,
      memoryPerReaderKib: (percentile(memory, 100) - before) / 1_024 / (READERS - FIRST_READERS),
    },
    [
      { figure: 'eventsLost', atMost: 0 },
      { figure: 'memoryPerReaderKib', below: 100 },
    ],
  );

  async function beginRuns(): Promise<readonly Claim[]> {
    for (let index = 0; index < RUNS; index++) await longhaul.client.submit({ agent: AGENT, prompt: 'Talk.' });
    const deps = { database, queue, rules: longhaul.config };
    const options = { queue: AGENT, workerId: createId(), limit: RUNS, agents: new Set([AGENT]) };
    const found = (await claimRuns(deps, options)).claims;
    if (found.length !== RUNS) throw new Error(`${found.length} of ${RUNS} runs could be begun.`);
    await sql`update longhaul.runs set lease_expires_at = now() + interval '1 hour'`.execute(database.sql);
    return found;
  }

  /** Writes the same number of batches to every run, with the runs spread over the time between two batches. */
  async function talk(batches: number): Promise<void> {
    await Promise.all(
      claims.map(async ({ run, lease, lastSeq }, index) => {
        await setTimeout((index / RUNS) * BATCH_EVERY_MS);
        let seq = places.get(run.id) ?? lastSeq;
        for (let batch = 0; batch < batches; batch++) {
          const startedAt = performance.now();
          const at = performance.timeOrigin + startedAt;
          const events = Array.from({ length: DELTAS_PER_BATCH }, (_, number) => ({
            type: 'agent.text.delta' as const,
            data: { text: JSON.stringify({ at, number }), blockId: 'block' },
          }));
          if (!(await recordEvents(database, { runId: run.id, attempt: 1, events, lease, lastSeq: seq }))) {
            throw new Error('A run was taken away.');
          }
          seq += events.length;
          await setTimeout(Math.max(0, BATCH_EVERY_MS - (performance.now() - startedAt)));
        }
        places.set(run.id, seq);
      }),
    );
  }

  function watchMemory(found: number[]): AbortController {
    const ending = new AbortController();
    void (async () => {
      while (!ending.signal.aborted) {
        found.push(await readResidentBytes(longhaul.pid));
        await setTimeout(500);
      }
    })();
    return ending;
  }
}

/** The last `seq` of each run. */
const places = new Map<RunResource['id'], number>();

interface ReaderOptions {
  readonly longhaul: RunningLonghaul;
  readonly agent: Agent;
  readonly runId: string;
  readonly hear: (event: { at: number; number: number }) => void;
}

/** Follows a run as a client does, from now on; resolves once it is connected. */
function openReader({ longhaul, agent, runId, hear }: ReaderOptions): Promise<void> {
  const connected = Promise.withResolvers<void>();
  const headers = { ...longhaul.headers, accept: 'text/event-stream' };
  const asked = request(`${longhaul.url}/v1/runs/${runId}/events?after=${places.get(runId) ?? 0}`, { agent, headers });
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
        hear(JSON.parse(data.text) as { at: number; number: number });
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
