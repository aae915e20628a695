import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { say, turn, useTool } from '../src/testing/index.ts';
import { findCommand, withCommandCache } from './support/built-command.ts';
import { createMachines, untilEnded, untilEvent, type Machines } from './support/machines.ts';
import { NODE_ARGS } from './support/run-command.ts';

// A worker whose temporary directory is a full file system of a few megabytes.

/** The command with which this machine can mount: as root, or as root of a user namespace. */
const UNSHARE = [['--mount'], ['--user', '--map-root-user', '--mount']].find(
  (options) => spawnSync('unshare', [...options, 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0,
);

const usage = { inputTokens: 1_000, outputTokens: 100 };

describe.runIf(process.platform === 'linux' && UNSHARE !== undefined)('a worker whose disk is full', () => {
  let machines: Machines;
  let worker: ChildProcess;
  let log: string;

  afterEach(async () => {
    worker.kill('SIGKILL');
    await machines[Symbol.asyncDispose]();
  });

  /** Starts a worker whose `TMPDIR` has 4 MB, `filled` or empty. */
  const start = async ({ isFull = false } = {}) => {
    const home = path.join(machines.directory, 'small');
    const temporary = path.join(home, 'tmp');
    await mkdir(temporary, { recursive: true });
    const config = {
      worker: { slots: 2 },
      agents: { doer: { model: 'claude-sonnet-4-5', tools: ['Bash'], prewarm: false } },
    };
    await writeFile(path.join(home, 'longhaul.config.mjs'), `export default ${JSON.stringify(config)};\n`);
    const fill = isFull ? 'head -c 8m /dev/zero > "$TMPDIR/fill" 2>/dev/null;' : '';
    const script = `mount -t tmpfs -o size=4m tmpfs "$TMPDIR" && { ${fill} exec "$0" "$@"; }`;
    const command = [...(UNSHARE ?? []), 'sh', '-c', script, process.execPath, ...NODE_ARGS, findCommand(), 'worker'];
    worker = spawn('unshare', command, {
      cwd: home,
      env: withCommandCache({
        PATH: process.env['PATH'] ?? '',
        HOME: home,
        TMPDIR: temporary,
        LONGHAUL_DATABASE_URL: machines.databaseUrl,
        ANTHROPIC_BASE_URL: machines.model.url,
        ANTHROPIC_API_KEY: 'scripted',
      }),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    log = '';
    for (const output of [worker.stdout!, worker.stderr!])
      output.setEncoding('utf8').on('data', (text: string) => (log += text));
    await logged(/Longhaul worker is running/);
    // Mounted so that only the worker sees it.
    const file = path.join(`/proc/${worker.pid}/root`, temporary, 'fill');
    return {
      fill: () => expect(writeFile(file, Buffer.alloc(8_000_000, 1))).rejects.toMatchObject({ code: 'ENOSPC' }),
      empty: () => rm(file),
    };
  };
  const logged = (pattern: RegExp) => expect.poll(() => log, { timeout: 30_000 }).toMatch(pattern);
  const submit = () => machines.client.submit({ agent: 'doer', prompt: 'do' });
  const findWorker = async () => (await machines.client.workers()).find(({ pid }) => pid === worker.pid);

  it('hands back runs that it cannot begin, reports it, claims none, and resumes by itself when there is space', async () => {
    machines = await createMachines([turn(say('Done.'), { usage })]);
    const disk = await start();
    await disk.fill();
    const runs = await Promise.all(Array.from({ length: 6 }, submit));
    await logged(/no run is claimed here: directories could not be created in \S+: ENOSPC/);
    await expect
      .poll(findWorker)
      .toMatchObject({ state: 'holding', holdingReason: expect.stringContaining('ENOSPC') as string, running: 0 });
    const waiting = await Promise.all(runs.map(({ id }) => machines.client.run(id)));
    expect(waiting.map(({ status }) => status)).toEqual(runs.map(() => 'queued'));
    const attempts = waiting.flatMap((run) => run.attempts ?? []);
    expect(attempts.length).toBeGreaterThan(0);
    expect(attempts.length).toBeLessThanOrEqual(2);
    for (const attempt of attempts)
      expect(attempt).toMatchObject({
        outcome: 'handed_back',
        errorDetail: expect.stringContaining('ENOSPC') as string,
      });

    await disk.empty();
    const ended = await Promise.all(runs.map(({ id }) => untilEnded(machines.client, id)));
    expect(ended.map(({ status }) => status)).toEqual(runs.map(() => 'succeeded'));
    // No attempt is spent: each run has as many left as at its submission.
    expect(ended.map(({ attempt, maxAttempts }) => maxAttempts - attempt)).toEqual(runs.map(() => 2));
    await expect.poll(findWorker).toMatchObject({ state: 'working', holdingReason: null });
    expect(log).toMatch(/the fault of the machine is gone: runs are claimed again/);
  });

  it('lives, claims nothing and gives the reason if the disk was full before it started', async () => {
    machines = await createMachines([turn(say('Done.'), { usage })]);
    const disk = await start({ isFull: true });
    const run = await submit();
    await expect.poll(findWorker).toMatchObject({ state: 'holding' });
    expect(await machines.client.run(run.id)).toMatchObject({ status: 'queued', attempt: 0 });
    await disk.empty();
    expect(await untilEnded(machines.client, run.id)).toMatchObject({ status: 'succeeded', attempt: 1 });
  });

  it('finishes the run that was in progress when its disk filled up', async () => {
    machines = await createMachines([
      useTool('Bash', { command: 'sleep 3; echo over', description: 'wait' }),
      turn(say('Done all the same.'), { usage }),
    ]);
    const disk = await start();
    const run = await submit();
    await untilEvent(machines.client, run.id, 'agent.tool_use');
    await disk.fill();
    const ended = await untilEnded(machines.client, run.id);
    expect(ended).toMatchObject({ status: 'succeeded', result: 'Done all the same.', attempt: 1 });
    worker.kill('SIGTERM');
    await once(worker, 'exit');
  });
});
