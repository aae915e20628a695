import { readFileSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { ownIdentity } from '../../core/process-identity.ts';
import { hang, say, startScriptedModel, useTool } from '../../testing/index.ts';
import { startAgentProcess } from '../agent-process.ts';
import { createAttempt } from '../attempt.fixture.ts';
import { findContainment, PARENT_DEATH_SIGNAL } from './containment.ts';
import { listProcesses } from '../process-tree/process-table.ts';

const strongest = await findContainment();
const { isNamespace } = strongest;
const bash = (command: string) => useTool('Bash', { command, description: 'look' });

/** The two containments of a run on Linux; the first only if the machine allows it. */
const containments = [
  ...(isNamespace ? [['a PID namespace', strongest] as const] : []),
  ...(process.platform === 'linux' ? [['a parent-death signal', PARENT_DEATH_SIGNAL] as const] : []),
];

test.runIf(isNamespace)("a tool in a PID namespace sees neither its worker nor the worker's environment", async () => {
  const worker = ownIdentity().split(':')[0];
  const script = [bash(`tr '\\0' '\\n' < /proc/${worker}/environ; ls -d /proc/[0-9]* | wc -l`), say('seen')];
  await using model = await startScriptedModel({ script });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Bash'] } });
  await startAgentProcess(attempt.spec).done;
  const [seen] = attempt.dataOf('agent.tool_result');
  expect(seen?.content).toContain('No such file');
  expect(Number(/(\d+)\s*$/.exec(seen?.content ?? '')?.[1])).toBeLessThan(12);
});

test.runIf(isNamespace)('no process leaves a PID namespace, even if it clears its marks and detaches', async () => {
  await using model = await startScriptedModel({
    script: [bash('env -i setsid sh -c "sleep 641 & exit" ; sleep 642 & tail -f /dev/null')],
  });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Bash'] } });
  const agent = startAgentProcess(attempt.spec);
  const sleepers = async () => (await listProcesses()).filter(({ pid }) => /^sleep 64[12]/.test(commandOf(pid)));
  await vi.waitFor(async () => expect(await sleepers()).toHaveLength(2), { timeout: 20_000 });
  const claude = (await attempt.processes()).find(({ parentPid }) => parentPid !== process.pid);
  process.kill(claude!.pid, 'SIGKILL');
  // `unshare` of util-linux 2.38 itself reports a failure, with 1.
  expect(await agent.done).toMatchObject({
    outcome: {
      status: 'failed',
      code: 'cli_crashed',
      detail: expect.stringMatching(/ · signal SIGKILL$/) as string,
    },
    exitCode: null,
    signal: 'SIGKILL',
    stderrTail: '',
  });
  expect(await sleepers()).toEqual([]);
});

test.each(containments)('a run in %s is interrupted at once, and reports its cost', async (_, containment) => {
  await using model = await startScriptedModel({ script: [hang({ after: [say('Once')] })] });
  await using attempt = await createAttempt({ url: model.url, spec: { containment } });
  const agent = startAgentProcess(attempt.spec);
  await attempt.untilEvent('agent.text.delta');
  await agent.stop('cancelled');
  expect(await agent.done).toMatchObject({ outcome: { status: 'stopped' }, turns: 1 });
  expect(await attempt.processes()).toEqual([]);
});

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // The process has ended.
  }
}
