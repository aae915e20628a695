import { say, startScriptedModel } from '../src/testing/index.ts';
import { createBareClaude } from '../test/support/bare-claude.ts';
import type { Bench } from './bench.ts';
import { repeat } from './measure-rate.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul } from './start-longhaul.ts';

const ROUNDS = 4;
const RUNS_PER_ROUND = 24;
const SLOTS = 4;
/** Unfinished runs: twice the number of slots, so that no slot waits for a client. */
const UNFINISHED_RUNS = 8;
const PROMPT = 'Say something.';

interface Contender {
  readonly concurrency: number;
  /** Executes a run to its end. */
  readonly work: () => Promise<void>;
}

/** Measures runs a minute with the real executable against a loop of the bare SDK's `query()`, four at a time each. */
export async function measureRunsPerMinute(bench: Bench): Promise<Measurement> {
  const model = await startScriptedModel({ script: () => say('Here is something.'), keepRequests: 0 });
  bench.onEnd(() => model.close());
  const contenders = [
    await prepareBare(bench, model.url),
    await prepareLonghaul({ bench, modelUrl: model.url, reuse: false }),
    await prepareLonghaul({ bench, modelUrl: model.url, reuse: true }),
  ];
  const durationsMs = contenders.map(() => 0);
  for (const contender of contenders) await repeat({ ...contender, times: UNFINISHED_RUNS });
  // In turns, so that other load on the machine affects all alike.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, contender] of contenders.entries()) {
      durationsMs[index]! += await repeat({ ...contender, times: RUNS_PER_ROUND });
    }
  }
  const toRate = (durationMs = NaN) => (ROUNDS * RUNS_PER_ROUND * 60_000) / durationMs;
  const [bareSdk = NaN, fresh = NaN, reused = NaN] = durationsMs.map(toRate);
  return judge(
    'runs-per-minute',
    {
      runs: ROUNDS * RUNS_PER_ROUND,
      slots: SLOTS,
      bareSdkRunsPerMinute: bareSdk,
      freshRunsPerMinute: fresh,
      reuseRunsPerMinute: reused,
      freshToBareSdkRatio: fresh / bareSdk,
      reuseToBareSdkRatio: reused / bareSdk,
    },
    [
      { figure: 'freshToBareSdkRatio', atLeast: 1 },
      { figure: 'reuseToBareSdkRatio', atLeast: 3 },
    ],
  );
}

/** The default of `query()`: the conversation is kept, as Longhaul keeps it. */
async function prepareBare(bench: Bench, modelUrl: string): Promise<Contender> {
  const claude = await createBareClaude(modelUrl);
  bench.onEnd(async () => claude[Symbol.asyncDispose]());
  return {
    concurrency: SLOTS,
    async work() {
      for await (const message of claude.start(PROMPT, { persistSession: true })) void message;
    },
  };
}

async function prepareLonghaul(options: { bench: Bench; modelUrl: string; reuse: boolean }): Promise<Contender> {
  const { bench, modelUrl, reuse } = options;
  const { client } = await startLonghaul({
    bench,
    // No spares: they would be started while another measurement runs.
    agent: { reuse, prewarm: false },
    variables: {
      ...(await bench.createDatabase('postgres')),
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: 'dummy',
    },
  });
  return {
    concurrency: UNFINISHED_RUNS,
    async work() {
      const { id } = await client.submit({ agent: AGENT, prompt: PROMPT, user: 'ann' });
      const { status } = await client.getRun(id, { waitSeconds: 60 });
      if (status !== 'succeeded') throw new Error(`A run ended as ${status}.`);
    },
  };
}
