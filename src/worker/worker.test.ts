import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createQueueDatabase } from '../../test/support/queue-database.ts';
import { resolveConfig } from '../config/resolve.ts';
import type { Config } from '../config/config.ts';
import { createId } from '../core/ids.ts';
import { collectLog } from '../core/log.fixture.ts';
import { createGateway, type Gateway } from '../gateway/gateway.ts';
import { findRun } from '../run/read/read-runs.ts';
import { SEES_ALL } from '../run/viewer.ts';
import { createAcceptRuns } from '../run/accept/accept-runs.ts';
import { say, startScriptedModel, turn, type ScriptedModel } from '../testing/index.ts';
import { createWorker, type Worker } from './worker.ts';

const MB = 1_000_000;

describe('a worker', () => {
  let directory: string;
  let store: Awaited<ReturnType<typeof createQueueDatabase>>;
  let model: ScriptedModel;
  let gateway: Gateway;
  let config: Config;
  let answer: PromiseWithResolvers<void>;
  const workers: Worker[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-worker-'));
    config = resolveConfig({
      input: {
        agents: { teller: { model: 'claude-sonnet-4-5', tools: [], retry: { maxAttempts: 1 } } },
        worker: { restartAboveMb: 100 },
      },
      baseDir: directory,
      env: { LONGHAUL_DATA_DIR: path.join(directory, 'data') },
    });
    store = await createQueueDatabase('postgres', [...config.agents.keys()]);
    model = await startScriptedModel({
      async script({ prompt }) {
        if (prompt === 'wait') await answer.promise;
        return turn(say('done'));
      },
    });
    gateway = await createGateway({
      providers: new Map([['default', { upstream: { baseUrl: model.url, headers: {} } }]]),
      silenceMs: 45_000,
    });
  });

  afterEach(async () => {
    answer?.resolve();
    await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  });

  afterAll(async () => {
    await gateway.close();
    await model.close();
    await store.remove();
    await rm(directory, { recursive: true, force: true });
  });

  const startWorker = async (parts: Partial<Parameters<typeof createWorker>[0]> = {}) => {
    const { database, queue } = store;
    const { log, lines } = collectLog();
    const worker = createWorker({ config, database, queue, gateway, version: '1.2.3', isAlone: true, log, ...parts });
    workers.push(worker);
    await worker.start();
    return { worker, lines };
  };
  const submit = async (prompt: string) => {
    const acceptRuns = createAcceptRuns({ ...store, rules: config, log: collectLog().log });
    const { runs } = await acceptRuns({
      submission: {
        agent: config.agents.get('teller')!,
        prompt,
        user: null,
        team: null,
        metadata: {},
        priority: 0,
        startAfter: null,
        limits: config.agents.get('teller')!.limits,
        requestedLimits: {},
        retryOf: null,
        idempotencyKey: null,
        createdBy: createId(),
      },
    });
    return runs[0]!;
  };
  const read = (id: string) => findRun(store.database, { runId: id, viewer: SEES_ALL });
  const readRow = ({ id }: Worker) =>
    store.database.sql.selectFrom('longhaul.workers').selectAll().where('id', '=', id).executeTakeFirst();
  const startWaiting = async () => {
    answer = Promise.withResolvers();
    const asked = model.requests.length;
    const { id } = await submit('wait');
    await expect.poll(() => model.requests.length, { timeout: 20_000 }).toBeGreaterThan(asked);
    return id;
  };

  it('leaves a run queued while memory is short, reports the reason, and claims it when there is enough', async () => {
    let freeBytes = 200 * MB;
    const readFreeMemory = () => ({ freeBytes, limitBytes: 1_000 * MB, cgroupLimitBytes: 1_000 * MB });
    const { worker, lines } = await startWorker({ readFreeMemory });
    expect(lines).toContainEqual(
      expect.objectContaining({
        text: 'worker started',
        slots: 4,
        freeMemoryBytes: freeBytes,
        cgroupLimitBytes: 1_000 * MB,
        containment: expect.any(String) as string,
      }),
    );
    const { id } = await submit('hello');
    await expect
      .poll(() => readRow(worker))
      .toMatchObject({
        holding_reason: 'needs 256 MB (assumed) for agent "teller", 150 MB are free',
        free_memory_bytes: freeBytes,
      });
    expect(toWarnings(lines)).toHaveLength(1);
    expect(await read(id)).toMatchObject({ status: 'queued', attempt: 0 });

    freeBytes = 900 * MB;
    await expect.poll(() => read(id), { timeout: 20_000 }).toMatchObject({ status: 'succeeded' });
    expect(await readRow(worker)).toMatchObject({ holding_reason: null });
  });

  it('hands back unfinished runs after the drain timeout, without spending an attempt', async () => {
    const { worker, lines } = await startWorker();
    const id = await startWaiting();
    expect(await worker.drain(50)).toBe(false);
    await expect.poll(() => readRow(worker).then((row) => row?.drain_requested_at)).toBeInstanceOf(Date);
    await worker.stop();
    expect(await read(id)).toMatchObject({ status: 'queued' });
    expect(await readRow(worker)).toBeUndefined();
    expect(lines).toContainEqual(expect.objectContaining({ text: 'handing back the runs in progress', runs: 1 }));
    answer.resolve();
    await startWorker();
    await expect.poll(() => read(id), { timeout: 20_000 }).toMatchObject({ status: 'succeeded' });
  });

  it('only logs that its process has grown too large when others share the process', async () => {
    let reads = 0;
    const readResidentBytes = () => 500 * MB + (reads++ === 0 ? 0 : 101 * MB);
    const { worker, lines } = await startWorker({ isAlone: false, readResidentBytes });
    const { id } = await submit('hello');
    await expect.poll(() => read(id), { timeout: 20_000 }).toMatchObject({ status: 'succeeded' });
    await expect
      .poll(() => toWarnings(lines), { timeout: 30_000 })
      .toEqual([
        {
          level: 'warn',
          text: 'this process has grown above worker.restartAboveMb',
          baselineBytes: 500 * MB,
          residentBytes: 601 * MB,
          restartAboveMb: 100,
        },
      ]);
    expect(await readRow(worker)).toMatchObject({ drain_requested_at: null });
  });
});

/** Except for the line about what this machine does not protect. */
function toWarnings(lines: ReturnType<typeof collectLog>['lines']) {
  return lines.filter(({ level, unprotected }) => level === 'warn' && unprotected === undefined);
}
