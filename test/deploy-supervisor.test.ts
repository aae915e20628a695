import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { say, startScriptedModel, turn, type ScriptedModel } from '../src/testing/index.ts';
import { createPostgresDatabase } from './support/databases.ts';
import { untilEnded, untilEvent } from './support/machines.ts';
import { startSupervisor, type Supervisor } from './support/supervisor.ts';

// The files of `longhaul deploy supervisor`, with the Supervisor that Debian packages: apt-get install supervisor.

const hasSupervisor = existsSync('/usr/bin/supervisord');
if (!hasSupervisor) console.warn('Tests of Supervisor are left out: there is no /usr/bin/supervisord.');

/** A worker that finds the file \`fail\` removes it, and throws an error that nothing catches. */
const CONFIG = `import { existsSync, rmSync } from 'node:fs';
const at = (name) => new URL(name, import.meta.url);
setInterval(() => {
  if (!process.argv.includes('worker') || !existsSync(at('fail'))) return;
  rmSync(at('fail'));
  throw new Error('Nothing catches this.');
}, 500).unref();
export default {
  agents: { teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false } },
  worker: { slots: 1 },
  http: { shutdownDelaySeconds: 0 },
  ...(existsSync(at('wrong')) && { wrong: true }),
};
`;
const WORKERS = [0, 1].map((number) => `longhaul-worker:longhaul-worker-0${number}`);
const PATIENCE = { timeout: 120_000, interval: 200 };

describe.runIf(hasSupervisor || process.env['CI'])('Longhaul under Supervisor', { timeout: 240_000 }, () => {
  let model: ScriptedModel;
  let supervisor: Supervisor;
  let database: { url: string; drop: () => Promise<void> };
  let isSlow = false;

  beforeAll(async () => {
    model = await startScriptedModel({
      script: () => turn(isSlow ? say('word '.repeat(30), { chunks: 30, chunkDelayMs: 100 }) : say('Done.')),
    });
    database = await createPostgresDatabase({ isEmpty: true });
    supervisor = await startSupervisor({ config: CONFIG, modelUrl: model.url, databaseUrl: database.url });
  }, 60_000);
  afterAll(async () => {
    await supervisor[Symbol.asyncDispose]();
    await database.drop();
    await model.close();
  }, 60_000);

  const workersNow = () => supervisor.client.workers().catch(() => []);
  const runFast = async () => {
    isSlow = false;
    const { id } = await supervisor.client.submit({ agent: 'teller', prompt: 'fast' });
    return untilEnded(supervisor.client, id);
  };
  /** Submits a run that takes a few seconds, and finds the process that executes it. */
  const runSlowly = async () => {
    isSlow = true;
    const { id } = await supervisor.client.submit({ agent: 'teller', prompt: 'slow' });
    await untilEvent(supervisor.client, id, 'agent.text.delta');
    isSlow = false;
    const { attempts } = await supervisor.client.run(id);
    const worker = (await workersNow()).find((one) => one.id === attempts?.at(-1)?.workerId);
    for (const name of WORKERS) if ((await supervisor.status(name)).pid === worker?.pid) return { id, name, worker };
    throw new Error('No supervised process has the pid of the worker.');
  };
  const untilState = (name: string, state: string) =>
    expect.poll(async () => (await supervisor.status(name)).state, PATIENCE).toBe(state);
  const untilWorking = (count: number) => expect.poll(async () => (await workersNow()).length, PATIENCE).toBe(count);
  const exitsOf = async (code: number) =>
    (await supervisor.log()).match(new RegExp(`exited: \\S+ \\(exit status ${code};.*`, 'g')) ?? [];

  it('starts a server and two workers at once on a new database', async () => {
    await untilWorking(2);
    expect(await runFast()).toMatchObject({ status: 'succeeded' });
  });

  it('lets the run of a worker finish when it is stopped', async () => {
    const { id, name } = await runSlowly();
    await supervisor.control('stop', name);
    expect(await supervisor.status(name)).toEqual({ state: 'STOPPED', pid: null });
    expect(await supervisor.client.run(id)).toMatchObject({ status: 'succeeded', attempt: 1 });
    await supervisor.control('start', name);
    await untilWorking(2);
  });

  it('replaces a worker that was killed, and its run is taken over', async () => {
    const { id, name, worker } = await runSlowly();
    process.kill(worker?.pid ?? 0, 'SIGKILL');
    expect(await untilEnded(supervisor.client, id)).toMatchObject({ status: 'succeeded', attempt: 2 });
    const { state, pid } = await supervisor.status(name);
    expect(state).toBe('RUNNING');
    expect(pid).not.toBe(worker?.pid);
    await untilWorking(2);
  });

  it('leaves a worker away that was drained over HTTP', async () => {
    const { id, name, worker } = await runSlowly();
    await supervisor.client.drainWorker(worker?.id ?? '');
    await untilState(name, 'EXITED');
    expect(await supervisor.client.run(id)).toMatchObject({ status: 'succeeded', attempt: 1 });
    // Supervisor decides about a restart once a second: the other worker's runs take longer.
    await runFast();
    await runFast();
    expect(await supervisor.status(name)).toEqual({ state: 'EXITED', pid: null });
    await supervisor.control('start', name);
    await untilWorking(2);
  });

  it('starts a worker again that has left with exit code 75', async () => {
    await writeFile(path.join(supervisor.appDir, 'fail'), '');
    await expect.poll(async () => (await exitsOf(75)).length, PATIENCE).toBe(1);
    expect((await exitsOf(75))[0]).toContain('not expected');
    await untilWorking(2);
    for (const name of WORKERS) expect((await supervisor.status(name)).state).toBe('RUNNING');
  });

  it('does not start a worker again whose configuration is wrong', async () => {
    const [, name = ''] = WORKERS;
    await writeFile(path.join(supervisor.appDir, 'wrong'), '');
    await supervisor.control('restart', name);
    await untilState(name, 'EXITED');
    await rm(path.join(supervisor.appDir, 'wrong'));
    await runFast();
    await runFast();
    expect(await supervisor.status(name)).toEqual({ state: 'EXITED', pid: null });
    expect(await exitsOf(80)).toEqual([expect.stringContaining('exit status 80; expected')]);
  });
});
