import { setTimeout as sleep } from 'node:timers/promises';
import { say, startScriptedModel } from '../src/testing/index.ts';
import type { Bench, DatabaseKind } from './bench.ts';
import { timeInTurns, type TimeFirstText } from './first-text.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul } from './start-longhaul.ts';

const ROUNDS = 12;
/** Pause between the two turns of a session, in which a person reads. */
const PAUSE_MS = 500;

/** Ways to begin a second turn: in the process of the first one, and in a new process. */
const WAYS = { warm: {}, cold: { keepWarmSeconds: 0 } } as const;

/** Measures the time to the first text of a session's second turn, with and without the process of the first one. */
export async function measureSecondTurn(bench: Bench): Promise<Measurement> {
  const model = await startScriptedModel({ script: () => say('Here is something.'), keepRequests: 0 });
  bench.onEnd(() => model.close());
  const contenders: (readonly [string, TimeFirstText])[] = [];
  for (const database of ['embedded', 'postgres'] as const) {
    for (const way of ['warm', 'cold'] as const) {
      const time = await prepare({ bench, database, modelUrl: model.url, way });
      contenders.push([`${database}${way === 'warm' ? 'Warm' : 'Cold'}`, time]);
    }
  }
  const medians = await timeInTurns(contenders, ROUNDS);
  const ratio = (database: DatabaseKind) =>
    (medians.get(`${database}Warm`) ?? NaN) / (medians.get(`${database}Cold`) ?? NaN);
  return judge(
    'second-turn',
    {
      rounds: ROUNDS,
      ...Object.fromEntries([...medians].map(([name, medianMs]) => [`${name}MedianMs`, medianMs])),
      embeddedRatio: ratio('embedded'),
      postgresRatio: ratio('postgres'),
    },
    [
      { figure: 'embeddedRatio', atMost: 0.25 },
      { figure: 'postgresRatio', atMost: 0.25 },
    ],
  );
}

/** Starts a Longhaul with an agent whose runs answer at once. Each call executes both turns of a session. */
async function prepare(options: {
  bench: Bench;
  database: DatabaseKind;
  modelUrl: string;
  way: keyof typeof WAYS;
}): Promise<TimeFirstText> {
  const { bench, database, modelUrl, way } = options;
  const provider = { ANTHROPIC_BASE_URL: modelUrl, ANTHROPIC_API_KEY: 'dummy' };
  const { client } = await startLonghaul({
    bench,
    agent: { prewarm: false, ...WAYS[way] },
    variables: { ...(await bench.createDatabase(database)), ...provider },
  });
  return async () => {
    const first = await client.submit({ agent: AGENT, prompt: 'Say something.' });
    const { sessionId } = await client.run(first.id, { waitSeconds: 30 });
    await sleep(PAUSE_MS);
    const startedAt = performance.now();
    let firstTextMs = NaN;
    const { id } = await client.submit({ agent: AGENT, prompt: 'Say something else.', sessionId });
    for await (const { type } of client.stream(id)) {
      if (type === 'agent.text.delta' && Number.isNaN(firstTextMs)) firstTextMs = performance.now() - startedAt;
    }
    return firstTextMs;
  };
}
