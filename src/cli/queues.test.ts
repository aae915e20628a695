import { tmpdir } from 'node:os';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import type { QueueResource } from '../api/contract.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

describe('longhaul queues', () => {
  let operator: OperatorServer;

  const longhaul = (...args: string[]) => runCommand(args, { cwd: tmpdir(), env: operator.env });
  const read = async () => (JSON.parse((await longhaul('queues', '--json')).stdout) as { data: QueueResource[] }).data;

  beforeAll(async () => {
    operator = await startOperatorServer();
  });
  afterAll(() => operator.close());

  it('lists queues in columns with their waiting runs, and pauses and resumes one', async () => {
    await operator.service.submit();
    const paused = await longhaul('queues', 'pause', 'reader');
    expect(paused).toMatchObject({ exitCode: 0, stdout: 'Queue reader is paused, with 1 waiting.\n' });
    const { stdout } = await longhaul('queues');
    const [title, ...lines] = stdout.trimEnd().split('\n');
    expect(title).toMatch(/^NAME +WAITING {2}DELAYED {2}HELD +OLDEST {2}STATE$/);
    expect(lines.find((line) => line.startsWith('reader'))).toMatch(/^reader +1 +0 +0 +\d+\.\d s {2}paused for \d+ s$/);
    expect(lines.find((line) => line.startsWith('brief'))).toMatch(/^brief +0 +0 +0 +open$/);
    const states = [title, ...lines].map((line) => line!.search(/STATE|open|paused/));
    expect(new Set(states).size).toBe(1);
    const resumed = JSON.parse((await longhaul('queues', 'resume', 'reader', '--json')).stdout) as QueueResource;
    expect(resumed).toMatchObject({ name: 'reader', waiting: 1, pausedAt: null });
    expect((await read()).find(({ name }) => name === 'reader')).toMatchObject({ waiting: 1, pausedAt: null });
  });

  it('shows until when a queue’s provider limit lasts', async () => {
    const { database } = operator.service;
    await sql`insert into longhaul.provider_limits (account, model, kind, message, until, next_probe_at)
      values ('a', '*', 'rate_limit', 'slow down', '2099-01-31T09:00:00Z', now())`.execute(database.sql);
    expect((await longhaul('queues')).stdout).toMatch(/at the provider's limit until 2099-01-31T09:00:00\.000Z\n/);
    await sql`delete from longhaul.provider_limits`.execute(database.sql);
  });

  it('rejects an unknown queue, and a key without permission', async () => {
    expect(await longhaul('queues', 'pause', 'nothing')).toMatchObject({
      exitCode: 66,
      stderr: expect.stringContaining('There is no queue') as string,
    });
    const env = { ...operator.env, LONGHAUL_API_KEY: operator.service.plainKey };
    expect(await runCommand(['queues', 'pause', 'reader'], { cwd: tmpdir(), env })).toMatchObject({
      exitCode: 65,
      stderr: expect.stringContaining('lacks the scope admin') as string,
    });
  });
});
