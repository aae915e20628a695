import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startReceiver, type Receiver } from '../src/alert/receiver.fixture.ts';
import { createLog } from '../src/core/log.ts';
import type { DrillResult } from '../src/drill/drill.ts';
import { createLonghaul } from '../src/longhaul.ts';
import { createPostgresDatabase } from './support/databases.ts';
import { findProcessesOf, runCommand } from './support/run-command.ts';

// The real command, with real processes and the real executable, on a deployment in a temporary directory.

let home: string;
let receiver: Receiver;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'longhaul-drills-'));
  await mkdir(path.join(home, 'tmp'));
  receiver = await startReceiver();
  const config = {
    agents: { reader: { tools: ['Read'], concurrent: 1 } },
    alerts: { channels: [{ type: 'webhook', url: receiver.url }] },
  };
  await writeFile(path.join(home, 'longhaul.config.mjs'), `export default ${JSON.stringify(config)};\n`);
});
afterAll(async () => {
  await receiver.close();
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
});

async function drill(args: readonly string[], variables: Record<string, string> = {}) {
  const env = { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: path.join(home, 'tmp'), ...variables };
  const { exitCode, stdout, stderr } = await runCommand(['doctor', '--drill', '--json', ...args], { cwd: home, env });
  if (stdout === '') throw new Error(`ended with ${exitCode}: ${stderr}`);
  const { drills } = JSON.parse(stdout) as { drills: DrillResult[] };
  return { exitCode, drills, failures: drills.filter(({ verdict }) => verdict !== 'ok') };
}

async function expectNothingLeft() {
  expect(await findProcessesOf(home)).toEqual([]);
  expect((await readdir(path.join(home, 'tmp'))).filter((name) => name.startsWith('longhaul-drill'))).toEqual([]);
}

describe('longhaul doctor --drill', () => {
  it('passes on PostgreSQL, touches no run of others and leaves nothing', { timeout: 300_000 }, async () => {
    const { url, drop } = await createPostgresDatabase();
    const deployment = createLonghaul(
      { agents: { reader: { tools: ['Read'], concurrent: 1 } } },
      {
        roles: ['server'],
        log: createLog('silent'),
        baseDir: path.join(home, 'deployment'),
        env: { LONGHAUL_DATABASE_URL: url },
      },
    );
    try {
      await deployment.start();
      const { client } = deployment;
      const waiting = await client.submit({ agent: 'reader', prompt: 'A run of a customer.' });
      const { exitCode, drills, failures } = await drill(
        [
          '--only',
          'worker-killed,executable-killed,drain,stream-cut,listener-cut,ceiling,budget,audit,migrate,webhook,test-alert',
        ],
        { LONGHAUL_DATABASE_URL: url },
      );
      expect(failures).toEqual([]);
      expect(exitCode).toBe(0);
      expect(drills).toHaveLength(11);
      expect(receiver.told()).toEqual(['opened drill']);
      expect(await client.run(waiting.id)).toMatchObject({ status: 'queued', attempt: 0 });
      expect((await client.runs({ anyStatus: ['queued', 'running', 'waiting'] })).data).toHaveLength(1);
      expect((await client.budgets()).filter(({ isChanged }) => isChanged)).toEqual([]);
    } finally {
      await deployment.stop();
      await drop();
    }
    await expectNothingLeft();
  });

  it('passes on a temporary embedded database beside that of the deployment', { timeout: 180_000 }, async () => {
    const { exitCode, failures } = await drill(['--only', 'drain,stream-cut,ceiling,budget']);
    expect(failures).toEqual([]);
    expect(exitCode).toBe(0);
    expect(await readdir(home)).not.toContain('.longhaul');
    await expectNothingLeft();
  });

  it('names the drills when one does not exist', async () => {
    const env = { PATH: process.env['PATH'] ?? '', HOME: home, TMPDIR: path.join(home, 'tmp') };
    const { exitCode, stderr } = await runCommand(['doctor', '--drill', '--only', 'fire'], { cwd: home, env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('worker-killed');
  });
});
