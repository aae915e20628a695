import { createBareClaude } from '../test/support/bare-claude.ts';
import { say, startScriptedModel } from '../src/testing/index.ts';
import { DATABASE_KINDS, type Bench, type DatabaseKind } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul } from './start-longhaul.ts';
import { median } from './statistics.ts';

const ROUNDS = 12;
const PROMPT = 'Say something.';

/** Does one run to its end; gives the milliseconds from asking for it to its first text. */
type TimeFirstText = () => Promise<number>;

/** How long the first text takes through Longhaul, against the bare Agent SDK's cold `query()` on the same model. */
export async function measureFirstText(bench: Bench): Promise<Measurement> {
  const model = await startScriptedModel({ script: [say('Here is something.')], keepRequests: 0 });
  bench.onEnd(() => model.close());
  const contenders = [
    await prepareBare({ bench, modelUrl: model.url, isHomeKept: true }),
    await prepareBare({ bench, modelUrl: model.url, isHomeKept: false }),
    ...(await Promise.all(DATABASE_KINDS.map((database) => prepareLonghaul({ bench, database, modelUrl: model.url })))),
  ];
  const times: number[][] = contenders.map(() => []);
  // Taken in turn, so that whatever else the machine does meets all alike. The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [index, time] of contenders.entries()) {
      const firstTextMs = await time();
      if (round > 0) times[index]?.push(firstTextMs);
    }
  }
  const [bareMs = NaN, bareNewHomeMs = NaN, embeddedMs = NaN, postgresMs = NaN] = times.map(median);
  return judge(
    'first-text',
    {
      rounds: ROUNDS,
      bareSdkMedianMs: bareMs,
      bareSdkNewHomeMedianMs: bareNewHomeMs,
      embeddedMedianMs: embeddedMs,
      postgresMedianMs: postgresMs,
      embeddedToBareSdkRatio: embeddedMs / bareMs,
      postgresToBareSdkRatio: postgresMs / bareMs,
    },
    [
      { figure: 'embeddedToBareSdkRatio', atMost: 1.2 },
      { figure: 'postgresToBareSdkRatio', atMost: 1.2 },
    ],
  );
}

/**
 * Claude Code is quicker in a home it has been in before. Longhaul gives every attempt a new one, and is compared with
 * the quicker all the same: the bare SDK keeps its home by itself.
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
    let firstTextMs = NaN;
    for await (const message of claude.start(PROMPT)) {
      const isText =
        message.type === 'stream_event' &&
        message.event.type === 'content_block_delta' &&
        message.event.delta.type === 'text_delta';
      if (isText && Number.isNaN(firstTextMs)) firstTextMs = performance.now() - startedAt;
    }
    return firstTextMs;
  };
}

async function prepareLonghaul(options: {
  bench: Bench;
  database: DatabaseKind;
  modelUrl: string;
}): Promise<TimeFirstText> {
  const { bench, database, modelUrl } = options;
  const provider = { ANTHROPIC_BASE_URL: modelUrl, ANTHROPIC_API_KEY: 'dummy' };
  const { client } = await startLonghaul({
    bench,
    variables: { ...(await bench.createDatabase(database)), ...provider },
  });
  return async () => {
    const startedAt = performance.now();
    let firstTextMs = NaN;
    const { id } = await client.submit({ agent: AGENT, prompt: PROMPT });
    for await (const { type } of client.events(id)) {
      if (type === 'agent.text.delta' && Number.isNaN(firstTextMs)) firstTextMs = performance.now() - startedAt;
    }
    return firstTextMs;
  };
}
