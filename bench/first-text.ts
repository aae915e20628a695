import { setTimeout as sleep } from 'node:timers/promises';
import type { Query } from '@anthropic-ai/claude-agent-sdk';
import { createBareClaude } from '../test/support/bare-claude.ts';
import { say, startScriptedModel } from '../src/testing/index.ts';
import type { LonghaulConfig } from '../src/config/schema.ts';
import type { Bench, DatabaseKind } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul } from './start-longhaul.ts';
import { median } from './statistics.ts';

const ROUNDS = 12;
const PROMPT = 'Say something.';
/** Pause between two runs: twice the time to replace a used spare, so that the replacement slows no run. */
const PAUSE_MS = 800;

/** Executes a run to its end; returns the milliseconds from the request to its first text. */
export type TimeFirstText = () => Promise<number>;

type Agent = LonghaulConfig['agents'][string];

/** Ways to begin a run: in a new process, in a spare, in a process that has served the user before. */
const WAYS: Readonly<Record<'cold' | 'spare' | 'reuse', Partial<Agent>>> = {
  cold: { prewarm: false },
  spare: { prewarm: 1 },
  reuse: { prewarm: false, reuse: true },
};

/** Measures the time to first text through Longhaul, against the bare Agent SDK's cold `query()` on the same model. */
export async function measureFirstText(bench: Bench): Promise<Measurement> {
  const model = await startScriptedModel({ script: () => say('Here is something.'), keepRequests: 0 });
  bench.onEnd(() => model.close());
  const prepare = async (database: DatabaseKind, way: keyof typeof WAYS) => {
    const time = await prepareLonghaul({ bench, database, modelUrl: model.url, agent: WAYS[way] });
    return [`${database}${way[0]!.toUpperCase()}${way.slice(1)}`, time] as const;
  };
  const contenders: (readonly [string, TimeFirstText])[] = [
    ['bareSdk', await prepareBare({ bench, modelUrl: model.url, isHomeKept: true })],
    ['bareSdkNewHome', await prepareBare({ bench, modelUrl: model.url, isHomeKept: false })],
    ['bareSdkSpare', await prepareBareSpare({ bench, modelUrl: model.url })],
    await prepare('embedded', 'cold'),
    await prepare('embedded', 'spare'),
    await prepare('embedded', 'reuse'),
    await prepare('postgres', 'cold'),
    await prepare('postgres', 'spare'),
    await prepare('postgres', 'reuse'),
  ];
  const medians = await timeInTurns(contenders, ROUNDS);
  const bareMs = medians.get('bareSdk') ?? NaN;
  const ratio = (name: string) => (medians.get(name) ?? NaN) / bareMs;
  return judge(
    'first-text',
    {
      rounds: ROUNDS,
      ...Object.fromEntries([...medians].map(([name, medianMs]) => [`${name}MedianMs`, medianMs])),
      bareSdkSpareRatio: ratio('bareSdkSpare'),
      embeddedColdRatio: ratio('embeddedCold'),
      postgresColdRatio: ratio('postgresCold'),
      embeddedSpareRatio: ratio('embeddedSpare'),
      postgresSpareRatio: ratio('postgresSpare'),
      embeddedReuseRatio: ratio('embeddedReuse'),
      postgresReuseRatio: ratio('postgresReuse'),
    },
    [
      { figure: 'embeddedColdRatio', atMost: 1.2 },
      { figure: 'postgresColdRatio', atMost: 1.2 },
      { figure: 'embeddedSpareRatio', atMost: 0.35 },
      { figure: 'postgresSpareRatio', atMost: 0.35 },
      { figure: 'embeddedReuseRatio', atMost: 0.15 },
      { figure: 'postgresReuseRatio', atMost: 0.15 },
    ],
  );
}

/** Returns the median of each contender, in milliseconds. The first round, which is not counted, warms up. */
export async function timeInTurns(
  contenders: readonly (readonly [string, TimeFirstText])[],
  rounds: number,
): Promise<Map<string, number>> {
  const times = new Map(contenders.map(([name]) => [name, [] as number[]]));
  // In turns, so that other load on the machine affects all alike.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, time] of contenders) {
      await sleep(PAUSE_MS);
      const firstTextMs = await time();
      if (round > 0) times.get(name)?.push(firstTextMs);
    }
  }
  return new Map([...times].map(([name, values]) => [name, median(values)]));
}

/**
 * Claude Code is quicker in a home that it has used before. Longhaul gives every attempt a new one, and is compared
 * with the quicker case all the same: the bare SDK keeps its home by default.
 */
async function prepareBare(options: { bench: Bench; modelUrl: string; isHomeKept: boolean }): Promise<TimeFirstText> {
  const { bench, modelUrl, isHomeKept } = options;
  const create = async () => {
    const claude = await createBareClaude(modelUrl);
    bench.onEnd(async () => claude[Symbol.asyncDispose]());
    return claude;
  };
  const kept = isHomeKept ? await create() : null;
  return async () => {
    const claude = kept ?? (await create());
    const startedAt = performance.now();
    return (await findFirstText(claude.start(PROMPT))) - startedAt;
  };
}

/**
 * Measures a process that the SDK itself has started before the prompt: Claude Code's own part of the time, below which
 * no run with a spare can be. The process for the next prompt is ready before it.
 */
async function prepareBareSpare({ bench, modelUrl }: { bench: Bench; modelUrl: string }): Promise<TimeFirstText> {
  const claude = await createBareClaude(modelUrl);
  let spare = await claude.prestart();
  bench.onEnd(async () => {
    spare.close();
    await claude[Symbol.asyncDispose]();
  });
  return async () => {
    const startedAt = performance.now();
    const textAt = await findFirstText(spare.query(PROMPT));
    spare = await claude.prestart();
    return textAt - startedAt;
  };
}

/** Reads a query to its end; returns the time of its first text. */
async function findFirstText(query: Query): Promise<number> {
  let textAt = NaN;
  for await (const message of query) {
    const isText =
      message.type === 'stream_event' &&
      message.event.type === 'content_block_delta' &&
      message.event.delta.type === 'text_delta';
    if (isText && Number.isNaN(textAt)) textAt = performance.now();
  }
  return textAt;
}

/** Starts a Longhaul with an agent whose runs answer at once. */
export async function prepareLonghaul(options: {
  bench: Bench;
  database: DatabaseKind;
  modelUrl: string;
  agent: Partial<Agent>;
}): Promise<TimeFirstText> {
  const { bench, database, modelUrl, agent } = options;
  const provider = { ANTHROPIC_BASE_URL: modelUrl, ANTHROPIC_API_KEY: 'dummy' };
  const { client } = await startLonghaul({
    bench,
    agent,
    variables: { ...(await bench.createDatabase(database)), ...provider },
  });
  return async () => {
    const startedAt = performance.now();
    let firstTextMs = NaN;
    const { id } = await client.submit({ agent: AGENT, prompt: PROMPT, user: 'ann' });
    for await (const { type } of client.stream(id)) {
      if (type === 'agent.text.delta' && Number.isNaN(firstTextMs)) firstTextMs = performance.now() - startedAt;
    }
    return firstTextMs;
  };
}
