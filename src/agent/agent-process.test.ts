import { access, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { fail, hang, say, startScriptedModel, think, turn, useTool, type Script } from '../testing/index.ts';
import { startAgentProcess } from './agent-process.ts';
import { createAttempt } from './attempt.fixture.ts';
import { listProcesses } from './process-tree/process-table.ts';

/** Tests of the real Claude Code executable with a scripted model. */

async function startModel(script: Script) {
  return startScriptedModel({ script });
}

test('a run that reads a file succeeds, and every step of it is an event', async () => {
  await using model = await startModel([
    [think('What does it say?'), say('I will look.', { chunks: 3 }), useTool('Read', { file_path: 'note.txt' })],
    turn(say('It says hello.'), { usage: { inputTokens: 100, outputTokens: 12, cacheReadTokens: 50 } }),
  ]);
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Read'] } });
  await writeFile(path.join(attempt.workspaceDir, 'note.txt'), 'hello from the file');

  const report = await startAgentProcess(attempt.spec).done;

  expect(report.outcome).toEqual({ status: 'succeeded', result: 'It says hello.' });
  expect(report).toMatchObject({ turns: 2, toolUses: { Read: 1 }, exitCode: null, signal: null });
  expect(attempt.dataOf('agent.permission_denied')).toEqual([]);
  expect(report.claudeCodeVersion).toMatch(/^2\./);
  expect(report.costMicros).toBeGreaterThan(0);
  expect(Object.keys(report.modelUsage ?? {})).toEqual(['claude-sonnet-4-5']);
  expect(attempt.events.map((event) => event.type).filter((type) => type !== 'agent.text.delta')).toEqual([
    'agent.init',
    'agent.thinking',
    'agent.text',
    'agent.tool_use',
    'agent.usage',
    'agent.tool_result',
    'agent.text',
    'agent.usage',
  ]);
  expect(attempt.dataOf('agent.tool_result')[0]?.content).toContain('hello from the file');
  expect(attempt.dataOf('agent.usage')[1]).toEqual({
    model: 'claude-sonnet-4-5',
    inputTokens: 100,
    outputTokens: 12,
    cacheReadTokens: 50,
    cacheCreationTokens: 0,
  });
  const [text] = attempt.dataOf('agent.text');
  const deltas = attempt.dataOf('agent.text.delta').filter((delta) => delta.blockId === text?.blockId);
  expect(deltas.length).toBe(3);
  expect(deltas.map((delta) => delta.text).join('')).toBe('I will look.');
  expect(await attempt.processes()).toEqual([]);
  await expect(access(path.join(attempt.spec.scratchRoot, attempt.spec.attemptId))).rejects.toThrow('ENOENT');
});

test('the model is asked with the model, thinking and tools of the agent, and nothing else', async () => {
  await using model = await startModel([say('ok')]);
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Glob', 'Read'], model: 'claude-haiku-4-5' },
    limits: { maxThinkingTokens: 2_000 },
  });
  await startAgentProcess(attempt.spec).done;
  const body: Readonly<Record<string, unknown>> | undefined = model.requests[0]?.body;
  expect(body?.['thinking']).toMatchObject({ type: 'enabled', budget_tokens: 2_000 });
  // A model without effort levels gets no effort.
  expect(body?.['output_config']).toBeUndefined();
  expect(model.requests[0]).toMatchObject({ model: 'claude-haiku-4-5' });
  expect([...(model.requests[0]?.toolNames ?? [])].sort()).toEqual(['Glob', 'Read']);
});

test("a thinking limit below the model's minimum turns thinking off instead of being raised", async () => {
  await using model = await startModel([say('ok')]);
  await using attempt = await createAttempt({ url: model.url, limits: { maxThinkingTokens: 500 } });
  await startAgentProcess(attempt.spec).done;
  expect(model.requests[0]?.body).toMatchObject({ thinking: { type: 'disabled' } });
});

test('a model that Claude Code counts as retired is requested all the same', async () => {
  await using model = await startModel([say('ok')]);
  await using attempt = await createAttempt({ url: model.url, agent: { model: 'claude-opus-4-1-20250805' } });
  await startAgentProcess(attempt.spec).done;
  expect(model.requests.map((request) => request.model)).toEqual(['claude-opus-4-1-20250805']);
});

test("an agent without a model gets Claude Code's own choice", async () => {
  await using model = await startModel([say('ok')]);
  await using attempt = await createAttempt({ url: model.url, agent: { model: 'default' } });
  expect((await startAgentProcess(attempt.spec).done).outcome.status).toBe('succeeded');
  expect(attempt.dataOf('agent.init')[0]?.model).toMatch(/^claude-/);
  expect(model.requests[0]?.model).toMatch(/^claude-/);
});

test('the turn limit ends a run after exactly as many answers of the model', async () => {
  await using model = await startModel([useTool('Bash', { command: 'true', description: 'nothing' })]);
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Bash'] }, limits: { maxTurns: 2 } });
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome).toMatchObject({ status: 'failed', code: 'max_turns' });
  expect(report.turns).toBe(2);
  expect(report.costMicros).toBeGreaterThan(0);
  expect(model.requests.length).toBe(2);
});

test('Claude Code enforces no ceiling with its own prices, and the model sees none', async () => {
  const usage = { inputTokens: 1_000_000, outputTokens: 10 };
  await using model = await startModel([
    turn(useTool('Bash', { command: 'touch ran', description: 'x' }), { usage }),
    say('Done.'),
  ]);
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    limits: { maxBudgetUsd: 0.5 },
  });
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome).toMatchObject({ status: 'succeeded', result: 'Done.' });
  expect(report.costMicros).toBeGreaterThan(3_000_000);
  expect(model.requests.length).toBe(2);
  expect(JSON.stringify(model.requests[0]?.body)).not.toContain('USD budget');
});

test('no tool begins without money for the model to read its result', async () => {
  await using model = await startModel([useTool('Bash', { command: 'touch ran', description: 'x' }), say('Done.')]);
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Bash'] } });
  const report = await startAgentProcess({ ...attempt.spec, hasMoneyLeft: () => false }).done;
  expect(report.outcome.status).toBe('succeeded');
  expect(attempt.dataOf('agent.permission_denied')).toHaveLength(1);
  expect(model.requests[1]?.toolResults[0]?.content).toContain(
    'Bash may not begin: the run has reached its cost limit',
  );
  expect(await readdir(attempt.spec.workspaceDir)).toEqual([]);
});

test('a run cancelled during a tool use leaves no process, and its cost is kept', async () => {
  // Three ways for a tool to hide: a child, a daemon in a separate session, and a daemon that has cleared its
  // environment.
  const command = 'setsid sleep 611 & env -i sleep 612 & sleep 613';
  await using model = await startModel([useTool('Bash', { command, description: 'wait' })]);
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Bash'] } });
  const agent = startAgentProcess(attempt.spec);
  await vi.waitFor(async () => expect(await commandsMatching(/sleep 61[123]/)).toHaveLength(3), { timeout: 20_000 });

  await agent.stop('cancelled');

  expect(await attempt.processes()).toEqual([]);
  expect(await commandsMatching(/sleep 61[123]/)).toEqual([]);
  const report = await agent.done;
  expect(report.outcome).toEqual({ status: 'stopped', reason: 'cancelled' });
  expect(report.costMicros).toBeGreaterThan(0);
  expect(report.turns).toBe(1);
});

test('a run cancelled during an answer keeps the cost of the answer', async () => {
  await using model = await startModel([hang({ after: [say('Once upon a time')] })]);
  await using attempt = await createAttempt({ url: model.url });
  const agent = startAgentProcess(attempt.spec);
  await attempt.untilEvent('agent.text.delta');
  await agent.stop('cancelled');
  const report = await agent.done;
  expect(report.outcome).toEqual({ status: 'stopped', reason: 'cancelled' });
  expect(report.turns).toBe(1);
  expect(report.costMicros).toBeGreaterThan(0);
  expect(report.signal).toBeNull();
});

test('the first of several reasons to stop counts', async () => {
  await using model = await startModel([hang()]);
  await using attempt = await createAttempt({ url: model.url });
  const agent = startAgentProcess(attempt.spec);
  await attempt.untilEvent('agent.init');
  await Promise.all([agent.stop('handed_back'), agent.stop('cancelled')]);
  expect((await agent.done).outcome).toEqual({ status: 'stopped', reason: 'handed_back' });
});

test('a stop before the start of the process prevents the start', async () => {
  await using attempt = await createAttempt();
  const agent = startAgentProcess(attempt.spec);
  await agent.stop('cancelled');
  // A process that was started would have ended with one of the two.
  const notStarted = { exitCode: null, signal: null };
  expect(await agent.done).toMatchObject({ outcome: { status: 'stopped', reason: 'cancelled' }, ...notStarted });
});

test('the time limit of a run ends it', async () => {
  await using model = await startModel([hang()]);
  await using attempt = await createAttempt({ url: model.url, limits: { timeoutSeconds: 1.5 } });
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome).toEqual({ status: 'stopped', reason: 'run_timeout' });
});

test('a daemon that a tool left behind ends when the run succeeds', async () => {
  const command = 'setsid sleep 614 >/dev/null 2>&1 & echo started';
  await using model = await startModel([useTool('Bash', { command, description: 'daemon' }), say('done')]);
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Bash'] } });
  expect((await startAgentProcess(attempt.spec).done).outcome.status).toBe('succeeded');
  expect(await commandsMatching(/sleep 614/)).toEqual([]);
});

test.each(['--settings={"a":1}', '-p', '@/etc/hostname', '/cost', '😀'.repeat(5_000), '</script>\u001B[31m'])(
  'a prompt is data, sent unchanged and never on a command line: %j',
  async (prompt) => {
    await using model = await startModel([hang({ after: [say('…')] })]);
    await using attempt = await createAttempt({ url: model.url, spec: { prompt } });
    const agent = startAgentProcess(attempt.spec);
    await attempt.untilEvent('agent.text.delta');
    const commandLines = await Promise.all(
      (await attempt.processes()).map(({ pid }) => readFile(`/proc/${pid}/cmdline`, 'utf8')),
    );
    await agent.stop('cancelled');
    expect(model.requests[0]?.prompt).toBe(prompt);
    expect(commandLines.length).toBeGreaterThan(0);
    for (const line of commandLines) expect(line.split('\0')).not.toContain(prompt);
  },
);

test("a tool sees the configured variables, and none of the worker's", async () => {
  vi.stubEnv('DATABASE_URL', 'postgres://secret@db/prod');
  vi.stubEnv('LONGHAUL_API_KEY', 'lh_secret');
  vi.stubEnv('ANTHROPIC_API_KEY', 'sk-ant-real');
  await using model = await startModel([useTool('Bash', { command: 'env', description: 'env' }), say('done')]);
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'], env: { COLOR: 'green', ANTHROPIC_BASE_URL: 'https://elsewhere', HOME: '/root' } },
  });
  await startAgentProcess(attempt.spec).done;
  vi.unstubAllEnvs();
  const variables = new Map(
    attempt
      .dataOf('agent.tool_result')[0]
      ?.content.split('\n')
      .map((line) => line.split('=', 2) as [string, string]),
  );
  expect(variables.get('COLOR')).toBe('green');
  expect(variables.get('ANTHROPIC_API_KEY')).toBe('token-of-the-attempt');
  expect(variables.get('ANTHROPIC_BASE_URL')).toBe(model.url);
  expect(variables.get('HOME')).toContain(attempt.spec.attemptId);
  expect(variables.get('LONGHAUL_ATTEMPT')).toBe(attempt.spec.attemptId);
  expect(variables.has('DATABASE_URL')).toBe(false);
  expect(variables.has('LONGHAUL_API_KEY')).toBe(false);
  expect([...variables.keys()].filter((name) => /^(npm_|VITEST|NODE_|USER$)/.test(name))).toEqual([]);
});

test.each([
  { what: 'not by an agent that fetches nothing', agent: { tools: ['Bash'] }, expected: 'bundled' },
  { what: 'by an agent that fetches', agent: { tools: ['Bash', 'WebFetch'] }, expected: '' },
  {
    what: 'by an agent whose configuration asks for it',
    agent: { tools: ['Bash'], env: { CLAUDE_CODE_CERT_STORE: 'system' } },
    expected: 'system',
  },
])("the machine's certificates are read: $what", async ({ agent, expected }) => {
  await using model = await startModel([
    useTool('Bash', { command: 'echo "store=$CLAUDE_CODE_CERT_STORE"', description: 'env' }),
    say('done'),
  ]);
  await using attempt = await createAttempt({ url: model.url, agent });
  await startAgentProcess(attempt.spec).done;
  expect(attempt.dataOf('agent.tool_result')[0]?.content.trim()).toBe(`store=${expected}`);
});

test('the file tools cannot leave the workspace by a path, a pattern or a link', async () => {
  const outside = await createAttempt();
  await using _ = outside;
  const secret = path.join(outside.workspaceDir, 'secret.txt');
  await writeFile(secret, 'TOP SECRET');
  const uses = [
    useTool('Read', { file_path: secret }),
    useTool('Read', { file_path: ` ${secret} ` }),
    useTool('Read', { file_path: 'link/secret.txt' }),
    useTool('Read', { file_path: '~/../../x' }),
    useTool('Write', { file_path: path.join(outside.workspaceDir, 'new.txt'), content: 'x' }),
    useTool('Write', { file_path: 'dangling', content: 'x' }),
    useTool('Glob', { pattern: `${outside.workspaceDir}/*` }),
    useTool('Glob', { pattern: '../**/secret.txt' }),
    useTool('Glob', { pattern: 'link/*' }),
    useTool('Grep', { pattern: 'TOP', path: outside.workspaceDir, output_mode: 'content' }),
    useTool('Grep', { pattern: 'TOP', path: 'link', output_mode: 'content' }),
  ];
  const allowed = [
    useTool('Grep', { pattern: 'TOP', output_mode: 'content' }),
    useTool('Glob', { pattern: '**/*' }),
    useTool('Write', { file_path: 'sub/new.txt', content: 'fine' }),
    useTool('Read', { file_path: 'inside.txt' }),
  ];
  await using model = await startModel([uses, allowed, say('done')]);
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Read', 'Write', 'Glob', 'Grep'] },
  });
  await symlink(outside.workspaceDir, path.join(attempt.workspaceDir, 'link'));
  await symlink(path.join(outside.workspaceDir, 'new.txt'), path.join(attempt.workspaceDir, 'dangling'));
  await writeFile(path.join(attempt.workspaceDir, 'inside.txt'), 'inside');

  const report = await startAgentProcess(attempt.spec).done;

  expect(report.outcome.status).toBe('succeeded');
  expect(attempt.dataOf('agent.permission_denied')).toHaveLength(uses.length);
  const results = attempt.dataOf('agent.tool_result');
  expect(results.map((result) => result.isError)).toEqual([...uses.map(() => true), ...allowed.map(() => false)]);
  expect(results.map((result) => result.content).join('\n')).not.toContain('TOP SECRET');
  expect(await readFile(path.join(attempt.workspaceDir, 'sub/new.txt'), 'utf8')).toBe('fine');
  await expect(access(path.join(outside.workspaceDir, 'new.txt'))).rejects.toThrow('ENOENT');
});

test('a tool that the agent does not have is denied', async () => {
  await using model = await startModel([useTool('Bash', { command: 'id', description: 'x' }), say('done')]);
  await using attempt = await createAttempt({ url: model.url, agent: { tools: ['Read'] } });
  await startAgentProcess(attempt.spec).done;
  expect(attempt.dataOf('agent.tool_result')[0]).toMatchObject({ isError: true });
});

test.each([
  [400, 'provider_invalid_request'],
  [402, 'provider_error'],
  [403, 'provider_auth'],
  [404, 'invalid_model'],
  [413, 'request_too_large'],
] as const)('an answer %i of the provider fails the run as %s', async (status, code) => {
  await using model = await startModel([fail(status)]);
  await using attempt = await createAttempt({ url: model.url });
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome).toMatchObject({ status: 'failed', code });
  // The made-up answer contains the provider's words, which are for operators.
  expect(attempt.dataOf('agent.text')).toEqual([]);
});

test.each([
  [429, 'provider_rate_limit'],
  [500, 'provider_error'],
  [529, 'provider_overloaded'],
] as const)('an answer %i that outlasts the retries fails the run as %s, each retry an event', async (status, code) => {
  await using model = await startModel([fail(status)]);
  await using attempt = await createAttempt({ url: model.url });
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome).toMatchObject({ status: 'failed', code });
  expect(attempt.dataOf('agent.api_retry').map((retry) => [retry.attempt, retry.maxRetries, retry.status])).toEqual([
    [1, 3, status],
    [2, 3, status],
    [3, 3, status],
  ]);
});

test('a provider that cannot be reached fails the run as the gateway saw it', async () => {
  const failure = { kind: 'unreachable', status: null, message: 'connect ECONNREFUSED' };
  await using attempt = await createAttempt({ spec: { providerFailure: () => failure } });
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome).toMatchObject({ status: 'failed', code: 'provider_error' });
});

test('an answer that stays unfinished because of its length fails the run as max_output_tokens', async () => {
  await using model = await startModel([turn(say('and so on'), { stopReason: 'max_tokens' })]);
  await using attempt = await createAttempt({ url: model.url });
  const report = await startAgentProcess(attempt.spec).done;
  expect(report.outcome).toMatchObject({ status: 'failed', code: 'max_output_tokens' });
});

test.each([
  [{ limits: { maxBudgetUsd: 0 } }, 'max_budget'],
  [{ limits: { maxTurns: 0 } }, 'max_turns'],
  [{ limits: { timeoutSeconds: 0 } }, 'run_timeout'],
  [{ spec: { workspaceDir: '/nowhere/at/all' } }, 'workspace_invalid'],
  [{ spec: { claudePath: '/nowhere/claude' } }, 'cli_not_found'],
  [{ spec: { claudePath: import.meta.filename } }, 'cli_not_found'],
] as const)('nothing is started for %j: %s', async (options, code) => {
  await using attempt = await createAttempt(options);
  const report = await startAgentProcess(attempt.spec).done;
  expect(report).toMatchObject({ outcome: { status: 'failed', code }, exitCode: null, signal: null, costMicros: null });
  await expect(access(attempt.spec.scratchRoot)).rejects.toThrow('ENOENT');
});

test('an event receiver that throws ends the run and its tools', async () => {
  await using model = await startModel([useTool('Bash', { command: 'sleep 651', description: 'wait' }), say('done')]);
  await using attempt = await createAttempt({
    url: model.url,
    agent: { tools: ['Bash'] },
    spec: {
      onEvent({ type }) {
        if (type === 'agent.tool_use') throw new Error('there is no room for it');
      },
    },
  });
  expect((await startAgentProcess(attempt.spec).done).outcome).toMatchObject({
    status: 'failed',
    code: 'internal_error',
    detail: expect.stringContaining('agent.tool_use could not be recorded: there is no room for it') as string,
  });
  expect(await attempt.processes()).toEqual([]);
  expect(await commandsMatching(/sleep 651/)).toEqual([]);
});

async function commandsMatching(pattern: RegExp): Promise<string[]> {
  const commands = await Promise.all(
    (await listProcesses()).map(({ pid }) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return commands
    .map((command) => command.replaceAll('\0', ' ').trim())
    .filter((command) => command.startsWith('sleep') && pattern.test(command));
}
