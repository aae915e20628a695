import { setTimeout } from 'node:timers/promises';
import { say, startScriptedModel } from '../src/testing/index.ts';
import type { LonghaulClient } from '../src/client/client.ts';
import { DATABASE_KINDS, type Bench, type DatabaseKind } from './bench.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul, STUB_CLAUDE } from './start-longhaul.ts';
import { percentile } from './statistics.ts';

const SUBMISSIONS = 100;
const WARM_UP_SUBMISSIONS = 10;
const SLOTS = 4;
/** The pace of a fast real model. */
const WORD_DELAY_MS = 15;
const WORDS_PER_RUN = 4_000;
const PACE_PER_SECOND = 200;
const PACED_SECONDS = 15;

/**
 * Measures the time from a submission to its `202`: when idle, while every slot is busy, and at 200 submissions a
 * second.
 */
export async function measureAcceptance(bench: Bench): Promise<Measurement> {
  const figures: Record<string, number> = { submissions: SUBMISSIONS };
  for (const database of DATABASE_KINDS) {
    for (const [state, measure] of [
      ['Idle', measureIdle],
      ['Busy', measureBusy],
    ] as const) {
      const times = await measure(bench, database);
      figures[`${database}${state}P50Ms`] = percentile(times, 50);
      figures[`${database}${state}P99Ms`] = percentile(times, 99);
      await bench.endMeasurement();
    }
    figures[`${database}BusyToIdleRatio`] = figures[`${database}BusyP50Ms`]! / figures[`${database}IdleP50Ms`]!;
  }
  const times = await measurePaced(bench);
  figures['postgresAt200PerSecondP50Ms'] = percentile(times, 50);
  figures['postgresAt200PerSecondP99Ms'] = percentile(times, 99);
  return judge('acceptance', figures);
}

async function measureIdle(bench: Bench, database: DatabaseKind): Promise<number[]> {
  const { client } = await startLonghaul({
    bench,
    variables: { ...(await bench.createDatabase(database)), LONGHAUL_CLAUDE_PATH: STUB_CLAUDE },
  });
  const times: number[] = [];
  for (let index = -WARM_UP_SUBMISSIONS; index < SUBMISSIONS; index++) {
    const startedAt = performance.now();
    const { id } = await client.submit({ agent: AGENT, prompt: 'Do nothing.' });
    if (index >= 0) times.push(performance.now() - startedAt);
    const { status } = await client.getRun(id, { waitSeconds: 60 });
    if (status !== 'succeeded') throw new Error(`A run of the stub ended as ${status}.`);
  }
  return times;
}

/** Submits at a fixed pace, whether or not earlier submissions are answered; nothing is executed. */
async function measurePaced(bench: Bench): Promise<number[]> {
  const { client, request } = await startLonghaul({ bench, variables: await bench.createDatabase('postgres') });
  await request(`/v1/queues/${AGENT}/pause`, { method: 'POST' });
  const times: number[] = [];
  const startedAt = performance.now();
  const submissions: Promise<unknown>[] = [];
  for (let index = -PACE_PER_SECOND; index < PACED_SECONDS * PACE_PER_SECOND; index++) {
    const dueAt = startedAt + ((index + PACE_PER_SECOND) * 1_000) / PACE_PER_SECOND;
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await setTimeout(waitMs);
    // Measured from the due time: a late bench must not hide the waiting time of its callers.
    const submitting = client.submit({ agent: AGENT, prompt: 'Wait in line.' });
    submissions.push(submitting.then(() => void (index >= 0 && times.push(performance.now() - dueAt))));
  }
  await Promise.all(submissions);
  return times;
}

/** Four runs of the real Claude Code stream text meanwhile; submitted runs wait behind them. */
async function measureBusy(bench: Bench, database: DatabaseKind): Promise<number[]> {
  const words = Array.from({ length: WORDS_PER_RUN }, (_, index) => `word${index} `);
  const script = [say(words.join(''), { chunks: words, chunkDelayMs: WORD_DELAY_MS })];
  const model = await startScriptedModel({ script, keepRequests: 0 });
  bench.onEnd(() => model.close());
  const provider = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'dummy' };
  const { client } = await startLonghaul({
    bench,
    variables: { ...(await bench.createDatabase(database)), ...provider },
  });
  await Promise.all(Array.from({ length: SLOTS }, () => startTalking(client)));
  const times: number[] = [];
  for (let index = -WARM_UP_SUBMISSIONS; index < SUBMISSIONS; index++) {
    const startedAt = performance.now();
    await client.submit({ agent: AGENT, prompt: 'Wait in line.' });
    if (index >= 0) times.push(performance.now() - startedAt);
  }
  return times;
}

/** Submits a run and waits for its first text. */
async function startTalking(client: LonghaulClient): Promise<void> {
  const { id } = await client.submit({ agent: AGENT, prompt: 'Talk.' });
  for await (const { type } of client.stream(id)) if (type === 'agent.text.delta') return;
}
