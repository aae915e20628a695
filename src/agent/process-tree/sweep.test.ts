import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { ownIdentity } from '../../core/process-identity.ts';
import { startScriptedModel, useTool } from '../../testing/index.ts';
import { startAgentProcess } from '../agent-process.ts';
import { createAttempt } from '../attempt.fixture.ts';
import { PARENT_DEATH_SIGNAL } from '../containment/containment.ts';
import { killAttempt } from './kill-processes.ts';
import { listProcesses } from './process-table.ts';
import { sweepOrphans } from './sweep.ts';

const log = pino({ level: 'silent' });
const isLinux = process.platform === 'linux';

/** Lists the worker's processes that work for no attempt: its reaper and its spawner. */
async function helpersOf(worker: ChildProcess) {
  return (await listProcesses()).filter(({ parentPid, attemptId }) => parentPid === worker.pid && attemptId === null);
}

test.runIf(isLinux)('processes that a killed worker left running are ended by the next worker', async () => {
  const script = [useTool('Bash', { command: 'sleep 621', description: 'wait' })];
  await using model = await startScriptedModel({ script });
  // Tested without a PID namespace, in which the tools end with Claude Code.
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    spec: { containment: PARENT_DEATH_SIGNAL },
  });
  const { onEvent: _, providerFailure: __, ...spec } = attempt.spec;
  const worker = spawn(
    process.execPath,
    ['--conditions=longhaul-source', path.join(import.meta.dirname, 'worker.fixture.ts')],
    {
      env: { ...process.env, SPEC: JSON.stringify(spec) },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const gone = once(worker, 'exit');
  const identities = async () => (await attempt.processes()).map(({ pid }) => pid);
  try {
    // Claude Code, the shell of its tool, and sleep itself.
    await vi.waitFor(async () => expect((await identities()).length).toBeGreaterThanOrEqual(3), { timeout: 20_000 });
    // Its parent is the spawner, which has no mark.
    const [spawner] = await helpersOf(worker);
    const [claude] = (await attempt.processes()).filter(({ parentPid }) => parentPid === spawner?.pid);
    if (claude === undefined) throw new Error('Claude Code is not there.');
    worker.kill('SIGKILL');
    await gone;
    // Claude Code itself dies with its worker; the processes of its tools do not.
    await vi.waitFor(async () => expect(await identities()).not.toContain(claude.pid));
    expect(await identities()).not.toEqual([]);

    expect(await sweepOrphans({ log })).toBeGreaterThan(0);

    expect(await identities()).toEqual([]);
    expect(await sweepOrphans({ log })).toBe(0);
  } finally {
    worker.kill('SIGKILL');
    await killAttempt(attempt.spec.attemptId);
  }
});

test.runIf(isLinux)(
  'processes that a killed worker left running are ended by its reaper, without a new worker',
  async () => {
    const script = [useTool('Bash', { command: 'sleep 625', description: 'wait' })];
    await using model = await startScriptedModel({ script });
    // No PID namespace, which would leave the reaper nothing to do.
    await using attempt = await createAttempt({
      url: model.url,
      agent: { tools: ['Bash'] },
      spec: { containment: PARENT_DEATH_SIGNAL },
    });
    const { onEvent: _, providerFailure: __, ...spec } = attempt.spec;
    const worker = spawn(
      process.execPath,
      ['--conditions=longhaul-source', path.join(import.meta.dirname, 'worker.fixture.ts')],
      { env: { ...process.env, SPEC: JSON.stringify(spec), REAPER: 'yes' }, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const gone = once(worker, 'exit');
    try {
      await vi.waitFor(async () => expect((await attempt.processes()).length).toBeGreaterThanOrEqual(3), {
        timeout: 20_000,
      });
      // A signal to the whole unit does not end the reaper: its worker may still be killed.
      const helpers = await helpersOf(worker);
      expect(helpers).toHaveLength(2);
      for (const { pid } of helpers) process.kill(pid, 'SIGTERM');
      worker.kill('SIGKILL');
      await gone;
      await vi.waitFor(async () => expect(await attempt.processes()).toEqual([]), { timeout: 2_000 });
    } finally {
      worker.kill('SIGKILL');
      await killAttempt(attempt.spec.attemptId);
    }
  },
);

test.runIf(isLinux)('the processes of a living worker are not ended', async () => {
  const script = [useTool('Bash', { command: 'sleep 622', description: 'wait' })];
  await using model = await startScriptedModel({ script });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Bash'] } });
  const agent = startAgentProcess(attempt.spec);
  await attempt.untilEvent('agent.tool_use');
  const [claude] = await attempt.processes();
  expect(claude?.worker).toBe(ownIdentity());

  await sweepOrphans({ log });

  expect((await attempt.processes()).map(({ pid }) => pid)).toContain(claude?.pid);
  await agent.stop('cancelled');
});

test.runIf(isLinux)('a worker whose pid is used again by another process counts as gone', async () => {
  const attemptId = 'attempt-of-a-former-life';
  // Our own pid, with a start time that is not ours.
  const orphan = spawn('sleep', ['623'], {
    env: { LONGHAUL_ATTEMPT: attemptId, LONGHAUL_WORKER: ownIdentity().replace(/:[^@]+/, ':1') },
  });
  const exit = once(orphan, 'exit');
  expect(await sweepOrphans({ log })).toBeGreaterThan(0);
  expect(await exit).toEqual([null, 'SIGKILL']);
});

test.runIf(isLinux).each([
  ['only the mark of an attempt, and no mark of a worker', {}],
  ['the mark of a worker in the form of another version', { LONGHAUL_WORKER: '999999999:1' }],
])('a process with %s is not ended', async (_, marks) => {
  const stranger = spawn('sleep', ['624'], { env: { LONGHAUL_ATTEMPT: 'not-ours', ...marks } });
  await sweepOrphans({ log });
  expect(stranger.exitCode).toBeNull();
  expect(stranger.signalCode).toBeNull();
  const exit = once(stranger, 'exit');
  stranger.kill('SIGKILL');
  await exit;
});
