import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createId } from '../../core/ids.ts';
import { fail, hang, say, startScriptedModel, turn, useTool } from '../../testing/index.ts';
import { startAgentProcess } from '../agent-process.ts';
import type { AgentReport, AgentSpec } from '../agent-spec.ts';
import { createAttempt, fakeClaude } from '../attempt.fixture.ts';
import type { ClaudeProcess } from './claude-process.ts';
import { PARENT_DEATH_SIGNAL } from '../containment/containment.ts';
import { listProcesses } from '../process-tree/process-table.ts';
import { createTranscript } from '../transcript/transcript.fixture.ts';

/** Tests of processes that start before there is an attempt, and of processes that outlive an attempt. */

type Attempt = Awaited<ReturnType<typeof createAttempt>>;

async function startReady(attempt: Attempt): Promise<ClaudeProcess> {
  const spare = attempt.startSpare();
  expect(await spare.ready).toBeNull();
  return spare;
}

const markedBy = async ({ id }: ClaudeProcess) => (await listProcesses()).filter(({ attemptId }) => attemptId === id);
const bash = (command: string) => useTool('Bash', { command, description: 'work' });

test('a process that waits for a prompt asks no model, and then works like a new process', async () => {
  const keeper = createTranscript();
  await using model = await startScriptedModel({
    script: [useTool('Read', { file_path: '/etc/hostname' }), say('Done.')],
  });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Read'] } });
  const spare = await startReady(attempt);
  expect(spare.isFree).toBe(true);
  expect(model.requests).toHaveLength(0);

  const spec = { ...attempt.spec, process: spare, transcript: keeper.transcript };
  const report = await startAgentProcess(spec).done;

  expect(report).toMatchObject({
    outcome: { status: 'succeeded', result: 'Done.' },
    turns: 2,
    keptProcess: null,
  });
  expect(attempt.dataOf('agent.permission_denied')).toHaveLength(1);
  expect(model.requests[0]?.prompt).toBe('Do it.');
  expect(attempt.dataOf('agent.init')).toMatchObject([{ sessionId: spec.sessionId, cwd: attempt.workspaceDir }]);
  expect(keeper.types().filter((type) => type === 'assistant')).toHaveLength(2);
  expect(keeper.sessions()).toEqual([spare.spec.claudeSessionId]);
  expect(spare.isFree).toBe(false);
  expect(await markedBy(spare)).toEqual([]);
  await expect(access(path.join(spec.scratchRoot, spare.id))).rejects.toThrow('ENOENT');
});

test('a process that is no longer needed is ended, and its directories are removed', async () => {
  await using attempt = await createAttempt();
  const spare = await startReady(attempt);
  await spare.close();
  await spare.exited;
  expect(spare.isFree).toBe(false);
  expect(await markedBy(spare)).toEqual([]);
  await expect(access(path.join(attempt.spec.scratchRoot, spare.id))).rejects.toThrow('ENOENT');
});

test('a process that is ended before its start is never started', async () => {
  await using attempt = await createAttempt();
  const spare = attempt.startSpare();
  await spare.close();
  expect(await spare.ready).toMatchObject({ code: 'cli_start_failed' });
  expect(await markedBy(spare)).toEqual([]);
});

test.each([
  [{ claudePath: '/nowhere/claude' }, 'cli_not_found'],
  [{ workspaceDir: '/nowhere' }, 'workspace_invalid'],
  [{ claudePath: fakeClaude('hangs'), startTimeoutMs: 200, containment: PARENT_DEATH_SIGNAL }, 'cli_start_failed'],
  [{ claudePath: fakeClaude('fails-at-start'), containment: PARENT_DEATH_SIGNAL }, 'cli_start_failed'],
] as const)('a process that cannot be started with %j says %s', async (more, code) => {
  await using attempt = await createAttempt();
  const spare = attempt.startSpare(more);
  expect(await spare.ready).toMatchObject({ status: 'failed', code });
  expect(spare.isFree).toBe(false);
  expect(await markedBy(spare)).toEqual([]);
  await expect(access(path.join(attempt.spec.scratchRoot, spare.id))).rejects.toThrow('ENOENT');
});

test('an attempt whose spare has died starts its own process', async () => {
  await using model = await startScriptedModel({ script: [say('Done.')] });
  await using attempt = await createAttempt({ url: model.url });
  const spare = await startReady(attempt);
  for (const { pid } of await markedBy(spare)) process.kill(pid, 'SIGKILL');
  await spare.exited;
  const report = await startAgentProcess({ ...attempt.spec, process: spare }).done;
  expect(report.outcome).toEqual({ status: 'succeeded', result: 'Done.' });
  await expect(access(path.join(attempt.spec.scratchRoot, spare.id))).rejects.toThrow('ENOENT');
});

test('an attempt waits for a given process that is still starting', async () => {
  await using model = await startScriptedModel({ script: [say('Done.')] });
  await using attempt = await createAttempt({ url: model.url });
  const spare = attempt.startSpare();
  expect(spare.isFree).toBe(true);
  const report = await startAgentProcess({ ...attempt.spec, process: spare }).done;
  expect(report.outcome).toEqual({ status: 'succeeded', result: 'Done.' });
  expect(await attempt.processes()).toEqual([]);
  expect(await markedBy(spare)).toEqual([]);
});

test('an attempt that is stopped before it begins ends its given process', async () => {
  await using attempt = await createAttempt();
  const spare = await startReady(attempt);
  const agent = startAgentProcess({ ...attempt.spec, process: spare });
  await agent.stop('cancelled');
  expect((await agent.done).outcome).toEqual({ status: 'stopped', reason: 'cancelled' });
  expect(await markedBy(spare)).toEqual([]);
});

test('an attempt on a spare is stopped like any other', async () => {
  await using model = await startScriptedModel({ script: [hang({ after: [say('Once')] })] });
  await using attempt = await createAttempt({ url: model.url });
  const spare = await startReady(attempt);
  const agent = startAgentProcess({ ...attempt.spec, process: spare });
  await attempt.untilEvent('agent.text.delta');
  await agent.stop('cancelled');
  const report = await agent.done;
  expect(report.outcome).toEqual({ status: 'stopped', reason: 'cancelled' });
  expect(report.costMicros).toBeGreaterThan(0);
  expect(await markedBy(spare)).toEqual([]);
});

/** Executes an attempt that leaves its process for the next. */
async function runKept(attempt: Attempt, more: Partial<AgentSpec> = {}): Promise<AgentReport> {
  const report = await startAgentProcess({ ...attempt.spec, ...more, keepProcess: true }).done;
  if (report.keptProcess !== null) attempt.endLater(report.keptProcess);
  return report;
}

test('a kept process knows nothing of the run before, and counts from zero', async () => {
  await using model = await startScriptedModel({
    script: [turn(say('Yes.'), { usage: { inputTokens: 1_000, outputTokens: 5 } })],
  });
  await using attempt = await createAttempt({ url: model.url, limits: { maxBudgetUsd: 0.005 } });
  const first = createTranscript();
  const secret = 'My name is Ottokar.';
  const before = await runKept(attempt, { prompt: secret, transcript: first.transcript });
  expect(before.outcome.status).toBe('succeeded');
  expect(before.keptProcess?.isFree).toBe(true);
  const kept = first.kept.length;

  const second = createTranscript();
  // Together over the budget, each within it.
  const after = await runKept(attempt, {
    runId: createId(),
    sessionId: createId(),
    prompt: 'Who am I?',
    process: before.keptProcess,
    transcript: second.transcript,
  });

  expect(after).toMatchObject({ outcome: { status: 'succeeded' }, turns: 1 });
  expect(after.keptProcess).toBe(before.keptProcess);
  expect(after.costMicros).toBe(before.costMicros);
  expect(after.modelUsage).toEqual(before.modelUsage);
  expect(JSON.stringify(model.requests[1]?.body)).not.toContain(secret);
  expect(JSON.stringify(second.kept)).not.toContain(secret);
  expect(second.types()).toContain('assistant');
  expect(first.kept).toHaveLength(kept);
  // Nothing of the conversation with the secret is in the other's transcript, and the reverse.
  expect(second.sessions()).toHaveLength(1);
  expect(second.sessions()).not.toEqual(first.sessions());
  expect(attempt.dataOf('agent.other')).toEqual([]);
});

test.each(['/cost', '/clear', '@/etc/hostname', '!id'])(
  'a prompt is data in a kept process too: %s',
  async (prompt) => {
    await using model = await startScriptedModel({ script: [say('Yes.')] });
    await using attempt = await createAttempt({ url: model.url });
    const { keptProcess } = await runKept(attempt);
    await runKept(attempt, { runId: createId(), prompt, process: keptProcess });
    expect(model.requests).toHaveLength(2);
    const [message] = model.requests[1]?.body['messages'] ?? [];
    expect(message?.content.at(-1)).toMatchObject({ text: prompt });
    expect(JSON.stringify(message)).not.toContain((await readFile('/etc/hostname', 'utf8')).trim() + '"');
  },
);

test('the processes that a run started and its change of directory end with it, though its process is kept', async () => {
  const command =
    'mkdir -p sub && cd sub && (setsid sleep 651 >/dev/null 2>&1 &) ; env -i setsid sleep 652 >/dev/null 2>&1 & sleep 0.2';
  await using model = await startScriptedModel({ script: [bash(command), say('Left.')] });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Bash'], isReused: true } });
  const { keptProcess, outcome } = await runKept(attempt);
  expect(outcome.status).toBe('succeeded');
  expect(keptProcess).not.toBeNull();
  expect(await sleepers()).toEqual([]);

  model.setScript([bash('pwd'), say('There.')]);
  await runKept(attempt, { runId: createId(), process: keptProcess });
  expect(attempt.dataOf('agent.tool_result').at(-1)?.content.trim()).toBe(attempt.workspaceDir);
});

test('a process is not kept after a failure', async () => {
  await using model = await startScriptedModel({ script: [fail(400)] });
  await using attempt = await createAttempt({ url: model.url });
  const report = await runKept(attempt);
  expect(report).toMatchObject({ outcome: { status: 'failed' }, keptProcess: null });
  expect(await attempt.processes()).toEqual([]);
});

test('a process that uses more than half of its memory limit is not kept', async () => {
  await using model = await startScriptedModel({ script: [say('Yes.')] });
  // Claude Code alone uses 190 to 240 MB, depending on how much of its executable is in memory.
  await using attempt = await createAttempt({ url: model.url, limits: { maxMemoryMb: 300 } });
  const report = await runKept(attempt);
  expect(report).toMatchObject({ outcome: { status: 'succeeded' }, keptProcess: null });
  expect(report.peakMemoryBytes).toBeGreaterThan(150_000_000);
  expect(await attempt.processes()).toEqual([]);
});

test('an executable that does not clear its conversation is not kept', async () => {
  await using attempt = await createAttempt({
    spec: { claudePath: fakeClaude('lingers'), containment: PARENT_DEATH_SIGNAL },
  });
  const report = await runKept(attempt);
  expect(report).toMatchObject({ outcome: { status: 'succeeded', result: 'done' }, keptProcess: null });
  expect(await attempt.processes()).toEqual([]);
});

async function sleepers(): Promise<string[]> {
  const commands = await Promise.all(
    (await listProcesses()).map(({ pid }) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands.filter((command) => /^sleep.65[12]/.test(command.replaceAll('\0', ' ')));
}
