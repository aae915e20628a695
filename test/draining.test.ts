import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createClient, type EventResource, type LonghaulClient, type RunResource } from '../src/client/client.ts';
import { say, startScriptedModel, turn, type ScriptedModel } from '../src/testing/index.ts';
import { createPostgresDatabase } from './support/databases.ts';
import { findProcessesOf, runCommand, spawnCommand, type RunningCommand } from './support/run-command.ts';

// Workers that drain: on a signal, over HTTP, or because of their memory. Real commands on one PostgreSQL.

const usage = { inputTokens: 1_000, outputTokens: 100 };

describe('a worker that drains', () => {
  let directory: string;
  let postgres: { url: string; drop: () => Promise<void> };
  let model: ScriptedModel;
  let env: Record<string, string>;
  let server: RunningCommand;
  let client: LonghaulClient;
  const workers: RunningCommand[] = [];
  /** The answer to `wait` follows once this is resolved. */
  let answer: PromiseWithResolvers<void>;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-draining-'));
    await writeFile(
      path.join(directory, 'longhaul.config.mjs'),
      'export default { http: { shutdownDelaySeconds: 0 }, worker: { slots: 1, restartAboveMb: 80 }, agents: { teller: { model: "claude-sonnet-4-5", tools: [], prewarm: false, retry: { maxAttempts: 1 } } } };',
    );
    postgres = await createPostgresDatabase();
    model = await startScriptedModel({
      async script({ prompt }) {
        if (prompt !== 'wait') return turn(say('done'), { usage });
        await answer.promise;
        return turn(say('waited'), { usage });
      },
    });
    env = {
      PATH: process.env['PATH'] ?? '',
      HOME: directory,
      TMPDIR: directory,
      LONGHAUL_DATABASE_URL: postgres.url,
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'scripted',
    };
    server = spawnCommand(['server', '--port', '0', '--json'], { cwd: directory, env });
    const [line] = await server.printed(/^\{.*\}$/m);
    const { url, adminKeyFile } = JSON.parse(line) as { url: string; adminKeyFile: string };
    const apiKey = (await readFile(adminKeyFile, 'utf8')).trim();
    env = { ...env, LONGHAUL_URL: url, LONGHAUL_API_KEY: apiKey };
    client = createClient({ url, apiKey });
  });

  afterEach(async () => {
    answer?.resolve();
    for (const worker of workers.splice(0)) {
      worker.kill('SIGTERM');
      await worker.ended;
    }
  });

  afterAll(async () => {
    server.kill('SIGTERM');
    await server.ended;
    await model.close();
    await postgres.drop();
    await rm(directory, { recursive: true, force: true });
  });

  const startWorker = async (variables: Record<string, string> = {}) => {
    const worker = spawnCommand(['worker'], { cwd: directory, env: { ...env, ...variables } });
    workers.push(worker);
    await worker.printed(/Longhaul worker is running/);
    return worker;
  };
  /** Starts a run whose model waits for `answer`, and resolves once it is running. */
  const startWaitingRun = async () => {
    answer = Promise.withResolvers();
    const run = await client.submit({ agent: 'teller', prompt: 'wait' });
    await untilEvent(run.id, 'agent.init');
    return run;
  };
  const untilEvent = async (id: string, type: string): Promise<EventResource> => {
    for await (const event of client.stream(id)) if (event.type === type) return event;
    throw new Error(`Run ${id} ended without ${type}.`);
  };
  const ended = async (id: string): Promise<RunResource> => {
    for (;;) {
      const run = await client.run(id, { waitSeconds: 60 });
      if (run.finishedAt !== null) return run;
    }
  };
  const findWorker = async ({ pid }: RunningCommand) => (await client.workers()).find((worker) => worker.pid === pid);

  it('claims no more runs at SIGTERM and lets its run finish', async () => {
    const worker = await startWorker();
    const running = await startWaitingRun();
    const queued = await client.submit({ agent: 'teller', prompt: 'hello' });
    worker.kill('SIGTERM');
    await worker.logged(/"runs":1,"msg":"draining: no more runs are claimed"/);
    await expect.poll(() => findWorker(worker)).toMatchObject({ state: 'draining', running: 1 });
    answer.resolve();
    expect(await ended(running.id)).toMatchObject({ status: 'succeeded', result: 'waited', attempt: 1 });
    const { exitCode, stderr } = await worker.ended;
    expect(exitCode).toBe(0);
    expect(toMessages(stderr)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ msg: 'draining: no more runs are claimed', runs: 1 }),
        expect.objectContaining({ msg: 'drained' }),
      ]),
    );
    expect(await client.run(queued.id)).toMatchObject({ status: 'queued', attempt: 0 });
    expect(await findWorker(worker)).toBeUndefined();
    await client.cancel(queued.id);
  });

  it('hands its run back at the second signal, at once and without spending an attempt', async () => {
    const first = await startWorker();
    const run = await startWaitingRun();
    first.kill('SIGTERM');
    await first.logged(/draining: no more runs are claimed/);
    first.kill('SIGTERM');
    expect((await first.ended).exitCode).toBe(0);
    expect(await client.run(run.id)).toMatchObject({ status: 'queued' });
    expect(await findProcessesOf(directory)).toEqual([server.pid]);
    answer.resolve();
    await startWorker();
    // Its only attempt is not spent: the run has been given another.
    expect(await ended(run.id)).toMatchObject({ status: 'succeeded', attempt: 2, maxAttempts: 2 });
  });

  it('drains over HTTP as at SIGTERM, and ends with 0', async () => {
    const worker = await startWorker();
    const run = await startWaitingRun();
    const listed = await runCommand(['workers'], { cwd: directory, env });
    expect(listed).toMatchObject({ exitCode: 0, stderr: '' });
    expect(listed.stdout).toMatch(/^ID +HOST +PID +RUNNING +SPARES +FREE +UP +STATE$/m);
    expect(listed.stdout).toMatch(new RegExp(` ${worker.pid} +1/1 +\\d+ +\\d+(\\.\\d)? [MG]B +\\d+ s +working$`, 'm'));
    const { id = '' } = (await findWorker(worker)) ?? {};

    for (let times = 0; times < 2; times++) {
      const drained = await runCommand(['workers', 'drain', id, '--json'], { cwd: directory, env });
      expect(JSON.parse(drained.stdout)).toMatchObject({ id, state: 'draining', running: 1, slots: 1 });
    }
    const queued = await client.submit({ agent: 'teller', prompt: 'hello' });
    answer.resolve();
    expect(await ended(run.id)).toMatchObject({ status: 'succeeded', result: 'waited' });
    expect((await worker.ended).exitCode).toBe(0);
    expect(await client.workers()).toEqual([]);
    expect(await client.run(queued.id)).toMatchObject({ status: 'queued' });
    await client.cancel(queued.id);
    const gone = await runCommand(['workers', 'drain', id], { cwd: directory, env });
    expect(gone).toMatchObject({ exitCode: 66, stdout: '' });
    expect((await runCommand(['workers'], { cwd: directory, env })).stdout).toMatch(/^No workers\./);
  });

  it('does not stop the server that shares its process', async () => {
    const both = spawnCommand(['start', '--port', '0', '--json'], { cwd: directory, env });
    workers.push(both);
    const { url } = JSON.parse((await both.printed(/^\{.*\}$/m))[0]) as { url: string };
    const there = createClient({ url, apiKey: env['LONGHAUL_API_KEY'] ?? '' });
    const { id = '' } = (await findWorker(both)) ?? {};
    await there.drainWorker(id);
    await expect.poll(() => there.workers(), { timeout: 20_000 }).toEqual([]);
    const run = await there.submit({ agent: 'teller', prompt: 'hello' });
    expect(await there.run(run.id, { waitSeconds: 0.5 })).toMatchObject({ status: 'queued' });
    both.kill('SIGTERM');
    expect((await both.ended).exitCode).toBe(0);
    await client.cancel(run.id);
  });

  it('drains and ends with the exit code for a restart when its process has grown too large', async () => {
    const worker = await startWorker({
      NODE_OPTIONS: `--import=${path.resolve(import.meta.dirname, 'fixtures/grow.ts')}`,
    });
    const run = await client.submit({ agent: 'teller', prompt: 'hello' });
    expect(await ended(run.id)).toMatchObject({ status: 'succeeded' });
    const { exitCode, stderr } = await worker.ended;
    expect(exitCode).toBe(75);
    const [warning] = toMessages(stderr).filter(({ level, unprotected }) => level === 40 && unprotected === undefined);
    expect(warning).toMatchObject({
      restartAboveMb: 80,
      msg: expect.stringContaining('worker.restartAboveMb') as string,
    });
    expect(await client.workers()).toEqual([]);
  });
});

function toMessages(stderr: string): Record<string, unknown>[] {
  return stderr
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
