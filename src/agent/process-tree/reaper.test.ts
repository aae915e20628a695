import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { readStartTime } from '../../core/process-identity.ts';

const canTimeOut = existsSync('/bin/bash');

async function startProcess(name = 'reaper.fixture.ts') {
  const fixture = path.join(import.meta.dirname, name);
  const child = spawn(process.execPath, ['--conditions=longhaul-source', fixture], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const gone = once(child, 'exit');
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  let stderr = '';
  const isLogRead = once(
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text)),
    'end',
  );
  /** The number that the fixture prints. */
  const printedPid = Number.parseInt(String(line), 10);
  return { child, gone, reaperPid: printedPid, printedPid, readLog: () => isLogRead.then(() => stderr) };
}

it.runIf(canTimeOut)('ends a process whose event loop stands still, and logs it', async () => {
  const { child, gone, reaperPid, readLog } = await startProcess();
  const stalledAt = performance.now();
  child.stdin.write('stand still\n');
  expect(await gone).toEqual([null, 'SIGKILL']);
  expect(performance.now() - stalledAt).toBeGreaterThan(1_000);
  expect(JSON.parse(await readLog())).toMatchObject({ level: 60, pid: child.pid, msg: /stood still/ });
  await expect.poll(() => readStartTime(reaperPid)).toBeNull();
});

it.runIf(canTimeOut)('ends the tools of a process that takes long to end', async () => {
  const { child, readLog, printedPid: toolPid } = await startProcess('slow-death.fixture.ts');
  onTestFinished(() => {
    if (readStartTime(toolPid) !== null) process.kill(toolPid, 'SIGKILL');
  });
  // After its first beats.
  await delay(500);
  child.kill('SIGSTOP');
  // The reaper holds the log too, until its sweep has ended.
  expect(await readLog()).toMatch(/stood still/);
  await expect.poll(() => readStartTime(toolPid), { timeout: 2_000 }).toBeNull();
});

it.runIf(canTimeOut)('does not end a process that keeps running for longer than the stall limit', async () => {
  const { child, gone, reaperPid, readLog } = await startProcess();
  expect(await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 5_000))])).toBeUndefined();
  child.kill('SIGKILL');
  await gone;
  await expect.poll(() => readStartTime(reaperPid)).toBeNull();
  expect(await readLog()).toBe('');
});
