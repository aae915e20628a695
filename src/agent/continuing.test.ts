import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { Agent } from '../config/config.ts';
import { createOutputSchema } from '../config/output-schema.ts';
import { createId } from '../core/ids.ts';
import { hang, say, startScriptedModel, useTool, type ModelRequest } from '../testing/index.ts';
import type { AgentSpec } from './agent-spec.ts';
import { startAgentProcess } from './agent-process.ts';
import { createAttempt } from './attempt.fixture.ts';
import { CONTINUATION } from './transcript/continuation.ts';
import { createTranscript } from './transcript/transcript.fixture.ts';

/** Tests of the real Claude Code executable, interrupted and resumed. */

const bash = (command: string) => useTool('Bash', { command, description: 'work' });
const messagesOf = (request: ModelRequest | undefined) => JSON.stringify(request?.body['messages']);

test('an attempt continues where another was cut off during a tool use, and repeats nothing', async () => {
  const keeper = createTranscript();
  const script = [bash('echo one >> steps'), bash('echo two >> steps; sleep 650'), say('All done.')];
  await using model = await startScriptedModel({ script });
  await using first = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    spec: { transcript: keeper.transcript },
  });
  const cut = startAgentProcess(first.spec);
  const steps = path.join(first.workspaceDir, 'steps');
  await vi.waitFor(async () => expect(await readFile(steps, 'utf8')).toBe('one\ntwo\n'), { timeout: 20_000 });
  // Claude Code writes its transcript up to a tenth of a second late; the missing part is reported in another way.
  await vi.waitFor(() => expect(JSON.stringify(keeper.kept)).toContain('sleep 650'), { timeout: 20_000 });
  for (const { pid } of await first.processes()) process.kill(pid, 'SIGKILL');
  expect((await cut.done).outcome).toMatchObject({ status: 'failed', code: 'cli_crashed' });
  expect(model.requests).toHaveLength(2);

  // On another machine: another home, another workspace.
  await using second = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    spec: {
      runId: first.spec.runId,
      sessionId: first.spec.sessionId,
      transcript: keeper.transcript,
      isResumed: true,
    },
  });
  const report = await startAgentProcess(second.spec).done;

  expect(report.outcome).toEqual({ status: 'succeeded', result: 'All done.' });
  // A single answer, where a new start would have taken three.
  expect(model.requests).toHaveLength(3);
  expect(report).toMatchObject({ turns: 1, toolUses: {} });
  const asked = messagesOf(model.requests[2]);
  expect(asked).toContain('outcome is unknown');
  expect(asked).toContain(JSON.stringify(CONTINUATION).slice(1, -1));
  expect(asked.split('Do it.')).toHaveLength(2);
  expect(await readFile(steps, 'utf8')).toBe('one\ntwo\n');
});

describe('an attempt whose conversation ends with a complete answer', () => {
  /** Works until the answer `Done.`, as an attempt whose process is then lost before its result. */
  async function answer(url: string) {
    const keeper = createTranscript();
    await using first = await createAttempt({
      url,
      agent: { tools: ['Bash'] },
      spec: { transcript: keeper.transcript },
    });
    expect((await startAgentProcess(first.spec).done).outcome.status).toBe('succeeded');
    const saidBefore = first.dataOf('agent.text').map(({ blockId }) => ({ blockId, isWhole: true }));
    return { ...pickSession(first.spec), transcript: keeper.transcript, saidBefore, isResumed: true };
  }

  test('succeeds with that answer, and calls no model', async () => {
    await using model = await startScriptedModel({ script: [[say('First.'), bash('true')], say('Done.')] });
    const rest = await answer(model.url);
    await using attempt = await createAttempt({ url: model.url, spec: rest });
    const spare = attempt.startSpare();
    const report = await startAgentProcess({ ...attempt.spec, process: spare }).done;
    expect(report).toMatchObject({
      outcome: { status: 'succeeded', result: 'Done.' },
      turns: 0,
      costMicros: null,
      claudeCodeVersion: null,
    });
    expect(model.requests).toHaveLength(2);
    expect(attempt.events).toEqual([]);
    expect(spare.isFree).toBe(false);
    expect(await attempt.processes()).toEqual([]);
  });

  const use = { toolUseId: 'toolu_1', name: 'Bash', input: { command: 'true' } };
  test.each<[string, Partial<AgentSpec>, Partial<Agent>]>([
    ['the log contains a later text', { saidBefore: [{ blockId: 'msg_later:0', isWhole: false }] }, {}],
    ['the log contains a later tool use', { unfinishedToolUses: [use] }, {}],
    [
      'a tool use was decided',
      { decidedToolUses: [{ ...use, isAllowed: true, isCustom: false, reason: null, answers: null }] },
      {},
    ],
    ['a hook of the project may demand more', {}, { settingSources: ['project'] }],
    ['the answer has a schema', {}, { outputSchema: createOutputSchema({ type: 'object' }) }],
  ])('continues when %s', async (_, spec, agent) => {
    await using model = await startScriptedModel({ script: [say('Done.'), say('More.')] });
    const rest = await answer(model.url);
    await using attempt = await createAttempt({ url: model.url, agent, spec: { ...rest, ...spec } });
    await startAgentProcess(attempt.spec).done;
    expect(messagesOf(model.requests[1])).toContain(JSON.stringify(CONTINUATION).slice(1, -1));
  });

  test('continues when that answer was already continued', async () => {
    await using model = await startScriptedModel({ script: [say('Done.'), hang(), say('More.')] });
    const rest = await answer(model.url);
    const unfinishedToolUses = [use];
    await using second = await createAttempt({ url: model.url, spec: { ...rest, unfinishedToolUses } });
    const cut = startAgentProcess(second.spec);
    await vi.waitFor(() => expect(model.requests).toHaveLength(2), { timeout: 20_000 });
    await cut.stop('handed_back');
    await using third = await createAttempt({ url: model.url, spec: rest });
    expect((await startAgentProcess(third.spec).done).outcome.status).toBe('succeeded');
    expect(model.requests).toHaveLength(3);
  });
});

test('a continued attempt reports only its own spending', async () => {
  const keeper = createTranscript();
  await using model = await startScriptedModel({ script: [bash('true'), say('First.')] });
  await using first = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    spec: { transcript: keeper.transcript },
  });
  const before = await startAgentProcess(first.spec).done;
  expect(before.costMicros).toBeGreaterThan(0);
  expect(keeper.types()).not.toContain('cost-state');
  // As another store might return it.
  await keeper.transcript.append([{ type: 'cost-state', totalCostUSD: 5 }], { claudeSessionId: '', subpath: '' });

  await using second = await createAttempt({
    url: model.url,
    spec: {
      ...pickSession(first.spec),
      transcript: keeper.transcript,
      isResumed: true,
      unfinishedToolUses: [{ toolUseId: 'toolu_lost', name: 'Bash', input: { command: 'true' } }],
    },
  });
  const after = await startAgentProcess(second.spec).done;
  expect(after.outcome.status).toBe('succeeded');
  const last = model.requests.at(-1);
  expect(messagesOf(last)).toContain('First.');
  expect(after.modelUsage?.['claude-sonnet-4-5']?.outputTokens).toBeLessThan(10);
  expect(after.costMicros).toBeLessThan(before.costMicros ?? 0);
});

test('an attempt sends the prompt if the attempt before it never did', async () => {
  const keeper = createTranscript();
  await using model = await startScriptedModel({ script: [say('Hello.')] });
  await using attempt = await createAttempt({
    url: model.url,
    spec: { transcript: keeper.transcript, isResumed: true },
  });
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome).toEqual({ status: 'succeeded', result: 'Hello.' });
  expect(model.requests[0]?.prompt).toBe('Do it.');
});

test('a conversation that continues with another run receives that run’s prompt', async () => {
  const keeper = createTranscript();
  await using model = await startScriptedModel({ script: [say('First.'), say('Second.')] });
  await using first = await createAttempt({ url: model.url, spec: { transcript: keeper.transcript } });
  await startAgentProcess(first.spec).done;
  await using second = await createAttempt({
    url: model.url,
    spec: {
      ...pickSession(first.spec),
      runId: createId(),
      prompt: 'And now?',
      transcript: keeper.transcript,
      isResumed: true,
    },
  });
  const report = await startAgentProcess(second.spec).done;
  expect(report.outcome).toEqual({ status: 'succeeded', result: 'Second.' });
  const asked = messagesOf(model.requests[1]);
  expect(asked).toContain('First.');
  expect(asked).toContain('And now?');
  expect(asked).not.toContain('The previous attempt');
  // Our session id, whatever id Claude Code uses.
  expect(second.dataOf('agent.init')[0]?.sessionId).toBe(first.spec.sessionId);
});

test('an attempt neither waits nor fails when it loses its transcript', async () => {
  const keeper = createTranscript();
  keeper.close();
  await using model = await startScriptedModel({ script: [bash('true'), say('Done.')] });
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    spec: { transcript: keeper.transcript },
  });
  expect((await startAgentProcess(attempt.spec).done).outcome.status).toBe('succeeded');
  expect(keeper.kept).toEqual([]);
});

test('an attempt that loses its lease does not wait for a transcript that cannot be written', async () => {
  const keeper = createTranscript();
  const never = new Promise<void>(() => undefined);
  await using model = await startScriptedModel({ script: [hang({ after: [say('Once')] })] });
  await using attempt = await createAttempt({
    url: model.url,
    spec: { transcript: { ...keeper.transcript, append: () => never } },
  });
  const agent = startAgentProcess(attempt.spec);
  await attempt.untilEvent('agent.text.delta');
  const startedAt = performance.now();
  await agent.stop('lease_lost');
  expect(performance.now() - startedAt).toBeLessThan(3_000);
});

test('a conversation cut off at any entry can be resumed', async () => {
  const keeper = createTranscript();
  await using model = await startScriptedModel({ script: [bash('true'), say('Done.')] });
  await using whole = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    spec: { transcript: keeper.transcript },
  });
  await startAgentProcess(whole.spec).done;
  const entries = keeper.kept.map(({ entry }) => entry);
  const cuts = [
    ...new Set(['user', 'attachment', 'assistant'].map((type) => entries.findIndex((e) => e['type'] === type))),
  ];
  for (const cutAt of cuts) {
    const part = createTranscript();
    await part.transcript.append(entries.slice(0, cutAt + 1), { claudeSessionId: whole.spec.sessionId, subpath: '' });
    await using attempt = await createAttempt({
      url: model.url,
      agent: { tools: ['Bash'] },
      spec: { ...pickSession(whole.spec), transcript: part.transcript, isResumed: true },
    });
    expect((await startAgentProcess(attempt.spec).done).outcome.status).toBe('succeeded');
  }
});

function pickSession({ runId, sessionId }: { runId: string; sessionId: string }) {
  return { runId, sessionId };
}

test('no tool begins before it is allowed to, and its event comes before that', async () => {
  const release = Promise.withResolvers<boolean>();
  const asked = Promise.withResolvers<string[]>();
  await using model = await startScriptedModel({ script: [bash('echo begun > begun'), say('Done.')] });
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    spec: {
      beforeToolUse() {
        asked.resolve(attempt.events.map(({ type }) => type));
        return release.promise;
      },
    },
  });
  const process = startAgentProcess(attempt.spec);
  expect(await asked.promise).toContain('agent.tool_use');
  // Long enough for a tool that does not wait, which takes 20 ms.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await expect(readFile(path.join(attempt.workspaceDir, 'begun'))).rejects.toThrow('ENOENT');
  release.resolve(true);
  expect((await process.done).outcome.status).toBe('succeeded');
  expect(await readFile(path.join(attempt.workspaceDir, 'begun'), 'utf8')).toBe('begun\n');
});

test('no tool begins after the attempt has lost the right to write', async () => {
  await using model = await startScriptedModel({ script: [bash('echo begun > begun'), say('Done.')] });
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    spec: { beforeToolUse: async () => false },
  });
  await startAgentProcess(attempt.spec).done;
  expect(attempt.dataOf('agent.permission_denied')).toMatchObject([{ name: 'Bash' }]);
  await expect(readFile(path.join(attempt.workspaceDir, 'begun'))).rejects.toThrow('ENOENT');
});

test('the model learns of a running tool that the transcript did not contain', async () => {
  const used = [
    { toolUseId: 'toolu_lost', name: 'Bash', input: { command: 'send-invoice 17' } },
    { toolUseId: 'toolu_known', name: 'Bash', input: { command: 'known' } },
  ];
  const keeper = createTranscript();
  await using model = await startScriptedModel({ script: [say('First.'), say('Second.')] });
  await using first = await createAttempt({ url: model.url, spec: { transcript: keeper.transcript } });
  await startAgentProcess(first.spec).done;
  await keeper.transcript.append([{ type: 'note', text: 'toolu_known' }], { claudeSessionId: '', subpath: '' });
  await using second = await createAttempt({
    url: model.url,
    spec: {
      ...pickSession(first.spec),
      runId: first.spec.runId,
      transcript: keeper.transcript,
      isResumed: true,
      unfinishedToolUses: used,
    },
  });
  await startAgentProcess(second.spec).done;
  const asked = messagesOf(model.requests[1]);
  expect(asked).toContain('send-invoice 17');
  expect(asked).not.toContain('"known');

  // Also when nothing of the conversation was kept: then beside the unchanged prompt.
  await using third = await createAttempt({ url: model.url, spec: { unfinishedToolUses: used.slice(0, 1) } });
  await startAgentProcess(third.spec).done;
  expect(model.requests[2]?.prompt).toContain('Do it.');
  expect(messagesOf(model.requests[2])).toContain('send-invoice 17');
});
