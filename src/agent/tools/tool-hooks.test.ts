import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { AfterToolDecision, AfterToolHookContext, ToolHookContext, ToolHooks } from '../../config/tool-hooks.ts';
import { collectLog } from '../../core/log.fixture.ts';
import { say, startScriptedModel, useTool, type ScriptedModel, type ToolUseBlock } from '../../testing/index.ts';
import { startAgentProcess } from '../agent-process.ts';
import type { AgentSpec } from '../agent-spec.ts';
import { createAttempt } from '../attempt.fixture.ts';

/** Tests of the config's functions around each tool use, with the real Claude Code executable. */

const FACTS = { user: 'ada', team: 'blue', metadata: { ticket: 7 }, attempt: 2 };

interface Options {
  readonly uses: readonly ToolUseBlock[];
  readonly hooks: ToolHooks;
  readonly tools?: readonly string[];
  readonly timeoutSeconds?: number;
  readonly spec?: Partial<AgentSpec>;
}

async function run({ uses, hooks, tools = ['Read', 'Bash', 'Grep', 'Glob'], timeoutSeconds = 30, spec }: Options) {
  await using model = await startScriptedModel({ script: [uses, say('Done.')] });
  const { log, lines } = collectLog();
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools, hooks, hookTimeoutSeconds: timeoutSeconds },
    spec: { facts: FACTS, log, ...spec },
  });
  await writeFile(path.join(attempt.workspaceDir, 'a.txt'), 'AAA');
  await writeFile(path.join(attempt.workspaceDir, 'b.txt'), 'BBB');
  const report = await startAgentProcess(attempt.spec).done;
  const written = await readFile(path.join(attempt.workspaceDir, 'new.txt'), 'utf8').catch(() => null);
  return { ...attempt, report, model, written, lines, results: attempt.dataOf('agent.tool_result') };
}

const read = useTool('Read', { file_path: 'a.txt' });
const write = useTool('Bash', { command: 'echo done > new.txt', description: 'write' });
const throws = () => {
  throw new Error('the policy service is down');
};

test("a hook before a tool use receives the run and the tool's input", async () => {
  const told: ToolHookContext[] = [];
  const { report, spec, dataOf, results } = await run({
    uses: [read],
    hooks: {
      beforeToolUse(context) {
        told.push(context);
      },
    },
  });
  expect(report.outcome.status).toBe('succeeded');
  const [use] = dataOf('agent.tool_use');
  expect(told).toMatchObject([
    {
      run: { id: spec.runId, agent: 'tester', ...FACTS },
      tool: { name: 'Read', useId: use?.toolUseId, subagent: null },
    },
  ]);
  expect(told[0]?.tool.input['file_path']).toMatch(/a\.txt$/);
  expect(results[0]?.content).toContain('AAA');
});

test('a tool use that a hook denies does not happen, and the model reads the reason', async () => {
  const { report, results, written, dataOf } = await run({
    uses: [write],
    hooks: { beforeToolUse: () => ({ deny: 'not on a Sunday' }) },
  });
  expect(report.outcome.status).toBe('succeeded');
  expect(results).toMatchObject([{ isError: true, content: expect.stringContaining('not on a Sunday') as string }]);
  expect(dataOf('agent.permission_denied')).toMatchObject([{ name: 'Bash', message: 'not on a Sunday' }]);
  expect(written).toBeNull();
});

test('a tool gets the input that a hook has changed, and the change is recorded before the tool runs', async () => {
  const { dataOf, events, results } = await run({
    uses: [read],
    hooks: { beforeToolUse: async () => ({ input: { file_path: 'b.txt' } }) },
  });
  expect(results[0]?.content).toContain('BBB');
  expect(dataOf('agent.tool_input')).toMatchObject([{ name: 'Read', input: { file_path: 'b.txt' } }]);
  const types = events.map(({ type }) => type);
  expect(types.indexOf('agent.tool_input')).toBeGreaterThan(types.indexOf('agent.tool_use'));
  expect(types.indexOf('agent.tool_input')).toBeLessThan(types.indexOf('agent.tool_result'));
});

test('a hook cannot lead a tool out of the workspace', async () => {
  const { results, dataOf } = await run({
    uses: [read],
    hooks: { beforeToolUse: () => ({ input: { file_path: '/etc/hostname' } }) },
  });
  expect(results[0]?.isError).toBe(true);
  expect(dataOf('agent.permission_denied')[0]?.message).toContain('may not leave the workspace');
});

test('a hook is not called for a tool use that is denied anyway', async () => {
  let asked = 0;
  const hooks = { beforeToolUse: () => void asked++ };
  const { dataOf } = await run({ uses: [useTool('Read', { file_path: '/etc/hostname' })], hooks });
  expect(dataOf('agent.permission_denied')).toHaveLength(1);
  expect(asked).toBe(0);
});

test.each<[string, NonNullable<ToolHooks['beforeToolUse']>, string]>([
  ['throws', throws, 'the policy service is down'],
  ['rejects', async () => throws(), 'the policy service is down'],
  ['never answers', () => new Promise(() => undefined), 'it took more than 0.3 s'],
  ['answers something else', (() => ({ denied: 'no' })) as never, 'may return nothing'],
  ['answers false', (() => false) as never, 'may return nothing'],
  ['writes into the input', ({ tool }) => void Object.assign(tool.input, { command: 'true' }), 'read only'],
])('a hook that %s before a tool use denies the use, and the run continues', async (_, beforeToolUse, words) => {
  const { report, results, written, lines, spec } = await run({
    uses: [write],
    hooks: { beforeToolUse },
    timeoutSeconds: 0.3,
  });
  expect(report.outcome).toEqual({ status: 'succeeded', result: 'Done.' });
  expect(results).toMatchObject([
    { isError: true, content: expect.stringContaining('check before it failed') as string },
  ]);
  expect(written).toBeNull();
  const [line] = lines.filter(({ hook }) => hook === 'beforeToolUse');
  expect(line).toMatchObject({ level: 'error', runId: spec.runId, error: expect.stringContaining(words) as string });
  expect(JSON.stringify(line)).not.toContain('echo done');
});

test('a hook that is running when the run is stopped learns of it', async () => {
  const begun = Promise.withResolvers<AbortSignal>();
  await using model = await startScriptedModel({ script: [read, say('Done.')] });
  await using attempt = await createAttempt({
    url: model.url,
    agent: {
      tools: ['Read'],
      hooks: {
        beforeToolUse: ({ signal }) => {
          begun.resolve(signal);
          return new Promise(() => undefined);
        },
      },
    },
  });
  const process = startAgentProcess(attempt.spec);
  const signal = await begun.promise;
  expect(signal.aborted).toBe(false);
  await process.stop('cancelled');
  expect(signal.aborted).toBe(true);
  expect((await process.done).outcome).toEqual({ status: 'stopped', reason: 'cancelled' });
});

test('a hook after a tool use receives the result, also of a failure, and may add to it', async () => {
  const told: AfterToolHookContext['result'][] = [];
  const { report, model } = await run({
    uses: [read, useTool('Read', { file_path: 'missing.txt' })],
    hooks: {
      afterToolUse({ result, tool }) {
        told.push(result);
        return { addContext: `seen: ${tool.name} ${result.isError}` };
      },
    },
  });
  expect(report.outcome.status).toBe('succeeded');
  expect(told.find(({ isError }) => !isError)?.output).toMatchObject({ file: { content: 'AAA' } });
  expect(told.find(({ isError }) => isError)?.output).toContain('does not exist');
  const heard = JSON.stringify(model.requests.at(-1)?.body);
  expect(heard).toContain('seen: Read false');
  expect(heard).toContain('seen: Read true');
});

/** Returns the last message to the model after the prompt and its own answer. */
function heardBy({ requests }: ScriptedModel): string {
  const messages = requests.at(-1)?.body['messages'];
  return JSON.stringify(Array.isArray(messages) ? messages.slice(2) : null);
}

const SECRETS = [
  read,
  useTool('Bash', { command: 'cat a.txt', description: 'show' }),
  useTool('Grep', { pattern: 'A', output_mode: 'content' }),
  useTool('Grep', { pattern: 'A' }),
  useTool('Glob', { pattern: 'a.*' }),
];

test("the model reads a hook's replacement of a result, for any tool", async () => {
  const { report, model, results } = await run({
    uses: SECRETS,
    hooks: { afterToolUse: ({ tool }) => ({ replaceOutput: `[${tool.name} was here]` }) },
  });
  expect(report.outcome.status).toBe('succeeded');
  expect(results).toHaveLength(SECRETS.length);
  const heard = heardBy(model);
  expect(heard).not.toMatch(/AAA|a\.txt/);
  for (const tool of ['Read', 'Bash', 'Grep', 'Glob']) expect(heard).toContain(`[${tool} was here]`);
  const contents = results.map(({ content }) => content);
  expect(contents).toEqual(expect.arrayContaining(['[Bash was here]', '[Grep was here]']));
});

test.each<[string, NonNullable<ToolHooks['afterToolUse']>]>([
  ['throws', throws],
  ['rejects', async () => throws()],
  ['never answers', () => new Promise<AfterToolDecision>(() => undefined)],
  ['answers something else', (() => ({ replaceOutput: { text: 'x' } })) as never],
])(
  'a hook that %s after a tool use withholds the result from the model, and the run continues',
  async (_, afterToolUse) => {
    const { report, model, results, lines, spec } = await run({
      uses: SECRETS,
      hooks: { afterToolUse },
      timeoutSeconds: 0.3,
    });
    expect(report.outcome.status).toBe('succeeded');
    expect(results.map(({ isError }) => isError)).toEqual(SECRETS.map(() => true));
    expect(heardBy(model)).not.toMatch(/AAA|a\.txt/);
    expect(heardBy(model)).toContain('withheld');
    const failures = lines.filter(({ hook }) => hook === 'afterToolUse');
    expect(failures).toHaveLength(SECRETS.length);
    expect(failures[0]).toMatchObject({ level: 'error', runId: spec.runId });
  },
);

test('a tool that waits for a person is denied when no person can be asked', async () => {
  await using model = await startScriptedModel({ script: [read, say('Done.')] });
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Read'], ask: ['Read'] } });
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome.status).toBe('succeeded');
  expect(attempt.dataOf('agent.permission_denied')).toHaveLength(1);
  expect(attempt.dataOf('agent.permission_denied')[0]?.message).toContain('no person can be asked');
});

test('a person is asked after the hooks, about the input they leave, and may change it within the workspace', async () => {
  const order: string[] = [];
  await using model = await startScriptedModel({
    script: [[read, write, useTool('Read', { file_path: 'c.txt' })], say('Done.')],
  });
  await using attempt = await createAttempt({
    url: model.url,
    agent: {
      tools: ['Read', 'Bash'],
      ask: ['Read'],
      hooks: {
        beforeToolUse({ tool }) {
          order.push(`hook ${tool.name === 'Read' ? path.basename(String(tool.input['file_path'])) : tool.name}`);
          return String(tool.input['file_path']).endsWith('a.txt') ? { input: { file_path: 'b.txt' } } : undefined;
        },
      },
    },
    spec: {
      askForToolUse: async ({ input }) => {
        order.push(`ask ${path.basename(String(input['file_path']))}`);
        return String(input['file_path']).endsWith('c.txt') ? { input: { file_path: '/etc/hostname' } } : {};
      },
    },
  });
  await writeFile(path.join(attempt.workspaceDir, 'b.txt'), 'BBB');
  await startAgentProcess(attempt.spec).done;
  expect([...order].sort()).toEqual(['ask b.txt', 'ask c.txt', 'hook Bash', 'hook a.txt', 'hook c.txt']);
  expect(order.indexOf('ask b.txt')).toBeGreaterThan(order.indexOf('hook a.txt'));
  const results = attempt.dataOf('agent.tool_result');
  expect(results.some(({ content, isError }) => !isError && content.includes('BBB'))).toBe(true);
  expect(attempt.dataOf('agent.permission_denied')).toMatchObject([
    { message: expect.stringContaining('may not leave the workspace') as string },
  ]);
});
