import { query } from '@anthropic-ai/claude-agent-sdk';
import type { Bench, DatabaseKind } from './bench.ts';
import { measureRate } from './measure-rate.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul, STUB_CLAUDE } from './start-longhaul.ts';

const RUNS = 120;
const SLOTS = 4;
/** Unfinished runs: twice the number of slots, so that no slot waits for a client. */
const UNFINISHED_RUNS = 8;

/** Measures runs a second with an executable that answers at once, against the bare SDK with it, four at a time. */
export async function measureThroughput(bench: Bench): Promise<Measurement> {
  const bareSdk = await measureBare();
  const embedded = await measureLonghaul(bench, 'embedded');
  await bench.endMeasurement();
  const postgres = await measureLonghaul(bench, 'postgres');
  return judge('throughput', {
    runs: RUNS,
    slots: SLOTS,
    bareSdkRunsPerSecond: bareSdk,
    embeddedRunsPerSecond: embedded,
    postgresRunsPerSecond: postgres,
    embeddedToBareSdkRatio: embedded / bareSdk,
    postgresToBareSdkRatio: postgres / bareSdk,
  });
}

function measureBare(): Promise<number> {
  const options = {
    pathToClaudeCodeExecutable: STUB_CLAUDE,
    env: { PATH: process.env['PATH'] },
    persistSession: false,
  };
  const work = async () => {
    for await (const message of query({ prompt: 'Do nothing.', options })) void message;
  };
  return measureRate({ times: RUNS, concurrency: SLOTS, work });
}

async function measureLonghaul(bench: Bench, database: DatabaseKind): Promise<number> {
  const { client } = await startLonghaul({
    bench,
    variables: { ...(await bench.createDatabase(database)), LONGHAUL_CLAUDE_PATH: STUB_CLAUDE },
  });
  const work = async () => {
    const { id } = await client.submit({ agent: AGENT, prompt: 'Do nothing.' });
    const { status } = await client.getRun(id, { waitSeconds: 60 });
    if (status !== 'succeeded') throw new Error(`A run of the stub ended as ${status}.`);
  };
  return measureRate({ times: RUNS, concurrency: UNFINISHED_RUNS, work });
}
