import { expect, test, vi } from 'vitest';
import { fail, hang, say, startScriptedModel, useTool } from '../testing/index.ts';
import { startAgentProcess } from './agent-process.ts';
import { createAttempt } from './attempt.fixture.ts';

/** Tests of the limits that Claude Code itself does not enforce, with the real executable. */

const bash = (command: string) => useTool('Bash', { command, description: 'work' });
const isLinux = process.platform === 'linux';

test.runIf(isLinux)('a run whose tool exceeds the memory limit is ended, and reports how much it used', async () => {
  // 600 MB in a child of Claude Code, which uses some 230 MB itself; it would wait forever.
  const eat = `${JSON.stringify(process.execPath)} -e "globalThis.eaten = Buffer.alloc(600e6, 1); setInterval(() => {}, 1e6)"`;
  await using model = await startScriptedModel({ script: [bash(eat)] });
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    limits: { maxMemoryMb: 700 },
  });
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome).toMatchObject({
    status: 'failed',
    code: 'memory_exceeded',
    detail: expect.stringMatching(/used \d[\d,]+ MB of at most 700 MB/) as string,
  });
  expect(report.peakMemoryBytes).toBeGreaterThan(700_000_000);
  // Claude Code was interrupted first, so that it could still report its cost.
  expect(report.costMicros).toBeGreaterThan(0);
  expect(await attempt.processes()).toEqual([]);
});

test.runIf(isLinux)('a run reports its memory even when it finished before the first sample', async () => {
  await using model = await startScriptedModel({ script: [say('Done.')] });
  await using attempt = await createAttempt({ url: model.url });
  const { outcome, peakMemoryBytes } = await startAgentProcess(attempt.spec).done;
  expect(outcome.status).toBe('succeeded');
  expect(peakMemoryBytes).toBeGreaterThan(100_000_000);
  expect(peakMemoryBytes).toBeLessThan(1_000_000_000);
});

test.runIf(isLinux)('a run in progress reports its current memory', async () => {
  await using model = await startScriptedModel({ script: [hang()] });
  await using attempt = await createAttempt({ url: model.url });
  const agent = startAgentProcess(attempt.spec);
  expect(agent.residentBytes).toBeNull();
  await vi.waitFor(() => expect(agent.residentBytes).toBeGreaterThan(100_000_000), { timeout: 20_000 });
  await agent.stop('cancelled');
  expect(agent.residentBytes).toBeNull();
});

test.runIf(isLinux)('a process that stands still and waits for nothing is ended as hung', async () => {
  const frozen = Promise.withResolvers<void>();
  await using model = await startScriptedModel({
    async script() {
      // Not before it stands still: it may be done before that.
      await frozen.promise;
      return say('Never heard.');
    },
  });
  let hasOpenModelCall = true;
  await using attempt = await createAttempt({
    url: model.url,
    spec: { hungTimeoutMs: 300, hasOpenModelCall: () => hasOpenModelCall },
  });
  const agent = startAgentProcess(attempt.spec);
  await attempt.untilEvent('agent.init');
  const processes = await attempt.processes();
  // In a namespace, the process before it only waits for it.
  const claude = processes.find(({ pid }) => !processes.some(({ parentPid }) => parentPid === pid));
  if (claude === undefined) throw new Error('There is no process to stop.');
  process.kill(claude.pid, 'SIGSTOP');
  frozen.resolve();
  hasOpenModelCall = false;
  const report = await agent.done;
  expect(report.outcome).toMatchObject({
    status: 'failed',
    code: 'hung',
    detail: expect.stringContaining('sent no message for 300 ms') as string,
  });
  expect(await attempt.processes()).toEqual([]);
});

test.each([
  ['a tool that takes long', [bash('sleep 1.2'), say('Done.')], {}],
  ['an answer that takes long', [say('Done.', { chunks: 2, chunkDelayMs: 1_200 })], { hasOpenModelCall: () => true }],
] as const)('a run with %s does not count as hung', async (_, script, more) => {
  await using model = await startScriptedModel({ script });
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    // Above what Claude Code needs between two steps on a busy machine, below the waits in this test.
    spec: { hungTimeoutMs: 1_000, hasOpenModelCall: () => false, ...more },
  });
  expect((await startAgentProcess(attempt.spec).done).outcome.status).toBe('succeeded');
});

test('a run that waits before it retries the model does not count as hung', async () => {
  await using model = await startScriptedModel({ script: [fail(529)] });
  await using attempt = await createAttempt({
    url: model.url,
    spec: { hungTimeoutMs: 400, hasOpenModelCall: () => false },
  });
  // The third wait alone takes about 2 s.
  expect((await startAgentProcess(attempt.spec).done).outcome).toMatchObject({ code: 'provider_overloaded' });
});
