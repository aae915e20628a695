import { setTimeout as delay } from 'node:timers/promises';
import { isFinal } from '../../src/core/states.ts';
import { say, startScriptedModel, turn } from '../../src/testing/index.ts';
import { startPostgresServer } from '../support/postgres-server.ts';
import { startSupervisor, type Supervisor } from '../support/supervisor.ts';
import { readRecords } from '../chaos/records.ts';
import type { Judgment } from '../chaos/judgment.ts';
import { judgeSoak, type Submitted } from './judge-soak.ts';
import { killOne } from './kill-one.ts';
import { readMemory, type MemorySample } from './read-memory.ts';
import { readCostMetric } from './read-cost-metric.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly runsPerMinute: number;
  readonly onMinute: (line: string) => void;
}

export interface SoakReport {
  readonly holds: boolean;
  readonly judgments: readonly Judgment[];
  readonly memory: readonly MemorySample[];
}

const CONFIG = `export default {
  agents: { teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false, retry: { maxAttempts: 5 } } },
  worker: { slots: 2 },
  limits: { perUser: { runsPerMinute: false } },
  alerts: { errorRate: false },
};
`;
const MINUTE_MS = 60_000;
const TRY_AGAIN_MS = 500;
/** Time that the last runs may take, with the expiry of the lease of a killed worker. */
const REST_MS = 180_000;

/** Runs Longhaul under Supervisor with steady work, kills a process each minute, and judges what is left. */
export async function soak({ minutes, runsPerMinute, onMinute }: SoakOptions): Promise<SoakReport> {
  await using closers = new AsyncDisposableStack();
  const postgres = closers.adopt(await startPostgresServer(), (server) => server.close());
  const model = closers.adopt(
    await startScriptedModel({
      keepRequests: 0,
      script: ({ prompt }) => turn(say(`${prompt} is done. ${'word '.repeat(20)}`, { chunks: 20, chunkDelayMs: 150 })),
    }),
    (server) => server.close(),
  );
  const supervisor = closers.use(
    await startSupervisor({ config: CONFIG, modelUrl: model.url, databaseUrl: postgres.url }),
  );
  const submitted: Submitted[] = [];
  const memory: MemorySample[] = [];
  const submitting: Promise<void>[] = [];
  await untilWorking(supervisor);
  const beganAt = performance.now();
  for (let minute = 0; minute < minutes; minute++) {
    const killsAfter = Math.floor(Math.random() * runsPerMinute);
    let killed = '';
    for (let number = 0; number < runsPerMinute; number++) {
      const name = `soak-${minute * runsPerMinute + number}`;
      submitting.push(submit(supervisor, name).then((run) => void submitted.push(run)));
      if (number === killsAfter) killed = await killOne(supervisor);
      const dueAt = beganAt + (minute + (number + 1) / runsPerMinute) * MINUTE_MS;
      await delay(Math.max(0, dueAt - performance.now()));
    }
    memory.push(...(await readMemory(supervisor, minute + 1)));
    onMinute(`minute ${minute + 1}: ${submitted.length} runs submitted, killed ${killed}`);
  }
  await Promise.all(submitting);
  await untilEnded(supervisor, submitted);
  const metric = await readCostMetric(supervisor);
  const audit = await supervisor.client.verifyAudit();
  const records = await readRecords(postgres.url);
  const judgments = judgeSoak({ submitted, records, metricMicros: metric, isAuditIntact: audit.isIntact });
  return { judgments, memory, holds: judgments.every(({ problems }) => problems.length === 0) };
}

/** Submits until it is accepted: the server may have been killed. The key makes it one run. */
async function submit({ client }: Supervisor, name: string): Promise<Submitted> {
  for (;;) {
    try {
      const input = { agent: 'teller', prompt: name, metadata: { run: name }, user: `user-${name.at(-1)}` };
      const { id } = await client.submit(input, { idempotencyKey: name });
      return { name, id };
    } catch {
      await delay(TRY_AGAIN_MS);
    }
  }
}

async function untilWorking({ client }: Supervisor): Promise<void> {
  while ((await client.workers().catch(() => [])).length < 2) await delay(TRY_AGAIN_MS);
}

async function untilEnded({ client }: Supervisor, submitted: readonly Submitted[]): Promise<void> {
  const deadline = performance.now() + REST_MS;
  const open = new Set(submitted.map(({ id }) => id));
  while (open.size > 0 && performance.now() < deadline) {
    for (const id of open) {
      const run = await client.getRun(id).catch(() => null);
      if (run !== null && isFinal(run.status)) open.delete(id);
    }
    await delay(TRY_AGAIN_MS);
  }
}
