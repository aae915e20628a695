import { DATABASE_KINDS, type Bench, type DatabaseKind } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul, STUB_CLAUDE } from './start-longhaul.ts';
import { percentile } from './statistics.ts';

const RUNS = 100;
const WARM_UP_RUNS = 10;

/** Measures how long an accepted run waits for a worker with a free slot. */
export async function measureClaim(bench: Bench): Promise<Measurement> {
  const figures: Record<string, number> = { runs: RUNS };
  for (const database of DATABASE_KINDS) {
    const { seenMs, storedMs } = await measure(bench, database);
    figures[`${database}SeenP50Ms`] = percentile(seenMs, 50);
    figures[`${database}SeenP99Ms`] = percentile(seenMs, 99);
    figures[`${database}StoredP50Ms`] = percentile(storedMs, 50);
    figures[`${database}StoredP99Ms`] = percentile(storedMs, 99);
    await bench.endMeasurement();
  }
  return judge('claim', figures, [
    { figure: 'embeddedSeenP50Ms', below: 25 },
    { figure: 'postgresSeenP50Ms', below: 25 },
    { figure: 'embeddedStoredP50Ms', below: 25 },
    { figure: 'postgresStoredP50Ms', below: 25 },
  ]);
}

/**
 * Measures twice: as a reader sees it, from receiving the `202` to reading `run.started` from the stream, and as it is
 * stored, from the beginning of the accepting transaction to that of the claiming one.
 */
async function measure(bench: Bench, database: DatabaseKind): Promise<{ seenMs: number[]; storedMs: number[] }> {
  const { client } = await startLonghaul({
    bench,
    variables: { ...(await bench.createDatabase(database)), LONGHAUL_CLAUDE_PATH: STUB_CLAUDE },
  });
  const times = { seenMs: [] as number[], storedMs: [] as number[] };
  for (let index = -WARM_UP_RUNS; index < RUNS; index++) {
    const { id } = await client.submit({ agent: AGENT, prompt: 'Do nothing.' });
    const acceptedAt = performance.now();
    const storedAt: Record<string, number> = {};
    let seenMs = NaN;
    for await (const { type, at } of client.stream(id)) {
      if (type === 'run.started') seenMs = performance.now() - acceptedAt;
      storedAt[type] = Date.parse(at);
    }
    if (storedAt['run.succeeded'] === undefined) throw new Error('A run of the stub failed.');
    if (index < 0) continue;
    times.seenMs.push(seenMs);
    times.storedMs.push(storedAt['run.started']! - storedAt['run.queued']!);
  }
  return times;
}
