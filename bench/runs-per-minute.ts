import { say, startScriptedModel } from '../src/testing/index.ts';
import { createBareClaude } from '../test/support/bare-claude.ts';
import type { Bench } from './bench.ts';
import { measureRate } from './measure-rate.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul } from './start-longhaul.ts';

const RUNS = 80;
const SLOTS = 4;
/** Runs that are submitted and not finished: as many again as there are slots, so that no slot waits for a client. */
const UNFINISHED_RUNS = 8;
const PROMPT = 'Say something.';

/** Runs a minute with the real executable, four at a time, against a loop of the bare SDK's `query()` as wide. */
export async function measureRunsPerMinute(bench: Bench): Promise<Measurement> {
  const model = await startScriptedModel({ script: () => say('Here is something.'), keepRequests: 0 });
  const bareSdk = await measureBare(model.url);
  const fresh = await measureLonghaul({ bench, modelUrl: model.url, reuse: false });
  await bench.endMeasurement();
  const reused = await measureLonghaul({ bench, modelUrl: model.url, reuse: true });
  await bench.endMeasurement();
  await model.close();
  return judge(
    'runs-per-minute',
    {
      runs: RUNS,
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

async function measureBare(modelUrl: string): Promise<number> {
  await using claude = await createBareClaude(modelUrl);
  const work = async () => {
    for await (const message of claude.start(PROMPT)) void message;
  };
  return 60 * (await measureRate({ times: RUNS, concurrency: SLOTS, work }));
}

async function measureLonghaul(options: { bench: Bench; modelUrl: string; reuse: boolean }): Promise<number> {
  const { bench, modelUrl, reuse } = options;
  const { client } = await startLonghaul({
    bench,
    agent: { reuse },
    variables: {
      ...(await bench.createDatabase('postgres')),
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_API_KEY: 'dummy',
    },
  });
  const work = async () => {
    const { id } = await client.submit({ agent: AGENT, prompt: PROMPT, user: 'ann' });
    const { status } = await client.run(id, { waitSeconds: 60 });
    if (status !== 'succeeded') throw new Error(`A run ended as ${status}.`);
  };
  return 60 * (await measureRate({ times: RUNS, concurrency: UNFINISHED_RUNS, work }));
}
