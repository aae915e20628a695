import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { say } from '../src/testing/index.ts';
import { createMachines, untilEnded, type Machine, type Machines } from './support/machines.ts';
import { hasRedis, startRedisServer } from './support/redis-server.ts';
import { runCommand } from './support/run-command.ts';
import { AWS_CREDENTIALS, startSqsServer } from './support/sqs-server.ts';

// A deployment whose workers are woken by Redis or SQS, from the variable to the last exit: a server in this process, a
// worker as a separate one.

const KINDS = [...(hasRedis ? (['redis'] as const) : []), 'sqs' as const];

async function startBackend(kind: 'redis' | 'sqs') {
  if (kind === 'redis') {
    const server = await startRedisServer();
    return {
      ...server,
      env: { LONGHAUL_QUEUE_URL: server.url },
      noRights: { LONGHAUL_QUEUE_URL: server.url.replace('//', '//nobody:wrong@') },
    };
  }
  const server = await startSqsServer();
  const LONGHAUL_QUEUE_URL = `sqs://eu-west-1?endpoint=${server.endpoint}`;
  const noRights = { LONGHAUL_QUEUE_URL, AWS_EC2_METADATA_DISABLED: 'true' };
  return { ...server, env: { LONGHAUL_QUEUE_URL, ...AWS_CREDENTIALS }, noRights };
}

describe.each(KINDS)('a deployment on %s', (kind) => {
  let backend: Awaited<ReturnType<typeof startBackend>>;
  let machines: Machines;
  let worker: Machine;

  beforeAll(async () => {
    // The server is in this process, and the AWS SDK reads the process's own variables.
    for (const [name, value] of Object.entries(AWS_CREDENTIALS)) vi.stubEnv(name, value);
    backend = await startBackend(kind);
    machines = await createMachines(() => say('done'), { env: backend.env });
    worker = await machines.start('worker');
  });
  afterAll(async () => {
    await machines[Symbol.asyncDispose]();
    await backend.close();
    vi.unstubAllEnvs();
  });

  const queueState = async () => (await machines.client.serverHealth()).queue;
  const runOnce = async () => {
    const { id } = await machines.client.submit({ agent: 'teller', prompt: 'speak' });
    return untilEnded(machines.client, id);
  };

  it('executes runs, and shows that no wake-up is left', async () => {
    expect(await runOnce()).toMatchObject({ status: 'succeeded', result: 'done' });
    expect(await queueState()).toEqual({ backend: kind, isAway: false });
    const undelivered = async () => (await machines.client.queues()).map((queue) => queue.undelivered);
    await expect.poll(undelivered, { timeout: 5_000 }).toEqual([0, 0, 0, 0, 0]);
  });

  it('executes runs while the backend is away, and uses it again', async () => {
    await backend.kill();
    expect(await runOnce()).toMatchObject({ status: 'succeeded' });
    await expect.poll(queueState, { timeout: 10_000 }).toEqual({ backend: kind, isAway: true });
    await backend.start();
    await expect.poll(queueState, { timeout: 10_000 }).toEqual({ backend: kind, isAway: false });
    expect(await runOnce()).toMatchObject({ status: 'succeeded' });
  });

  it('ends a start that the backend refuses, with one sentence', async () => {
    const { exitCode, stdout, stderr } = await runCommand(
      ['migrate', '--config', `${machines.directory}/worker/longhaul.config.mjs`],
      {
        cwd: machines.directory,
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: machines.directory,
          LONGHAUL_DATABASE_URL: machines.databaseUrl,
          ...backend.noRights,
        },
      },
    );
    expect(exitCode).not.toBe(0);
    expect(`${stdout}${stderr}`).toMatch(/LONGHAUL_QUEUE_URL names .* refuses Longhaul: /);
    // The error alone: no warning that promises to go on, no stack.
    expect(`${stdout}${stderr}`).not.toMatch(/wrong@|\n +at |cannot be used/);
  });

  it('lets a worker leave in good order', async () => {
    worker.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ exitCode: 0 });
  });
});
