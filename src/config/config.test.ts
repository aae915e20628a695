import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LonghaulError } from '../core/errors.ts';
import { loadConfig } from './load.ts';
import { resolveConfig } from './resolve.ts';

const resolve = (input: unknown, env: Record<string, string> = {}) => resolveConfig({ input, baseDir: '/app', env });
const reader = { tools: ['Read', 'Grep', 'Glob'], workspace: './workspace' };

function refusal(act: () => unknown): LonghaulError {
  try {
    act();
  } catch (error) {
    if (error instanceof LonghaulError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}

const shared = { root: './shared', mode: 'shared' };

describe('a configuration', () => {
  it('has every default but its agents', () => {
    const config = resolve({ agents: { reader } });
    expect(config.agents.get('reader')).toEqual({
      name: 'reader',
      model: 'default',
      provider: 'default',
      tools: ['Read', 'Grep', 'Glob'],
      ask: [],
      hooks: {},
      hookTimeoutSeconds: 30,
      mcpServers: [],
      subagents: [],
      outputSchema: null,
      permissionMode: 'dontAsk',
      sandbox: null,
      workspace: { root: '/app/workspace', mode: 'shared', from: null },
      limits: {
        maxBudgetUsd: 1,
        maxTurns: 15,
        maxThinkingTokens: 16_000,
        timeoutSeconds: 120,
        maxMemoryMb: 2_048,
        maxPromptLength: 5_000,
      },
      concurrent: null,
      whileBusy: 'enqueue',
      approvals: { holdSeconds: 20, expireSeconds: 604_800 },
      retry: { maxAttempts: 3, delaysSeconds: [10, 30, 60], deadlineSeconds: 600, isContinued: true },
      prewarm: 0,
      keepWarmSeconds: 120,
      isReused: false,
      systemPrompt: null,
      effort: 'medium',
      thinking: 'enabled',
      settingSources: [],
      env: {},
      queue: 'reader',
    });
    expect(config.worker).toEqual({
      slots: 4,
      expireSeconds: 180,
      drainTimeoutSeconds: 200,
      stopWaitSeconds: 210,
      restartAboveMb: 256,
      maxStallSeconds: 15,
      visiblePaths: [],
    });
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 4400,
      databaseUrl: null,
      dataDir: '/app/.longhaul',
      providers: new Map([['default', { kind: 'scripted' }]]),
    });
  });

  it('accepts the sample of the contract', () => {
    const config = resolve({
      agents: {
        reader: {
          model: 'claude-sonnet-4-5',
          tools: ['Read', 'Grep', 'Glob'],
          permissionMode: 'dontAsk',
          workspace: './workspace',
          limits: {
            maxBudgetUsd: 1,
            maxTurns: 15,
            maxThinkingTokens: 16_000,
            timeoutSeconds: 120,
            maxPromptLength: 5_000,
          },
          retry: { maxAttempts: 3, delaysSeconds: [10, 30, 60], deadlineSeconds: 600 },
        },
      },
      worker: {
        slots: 4,
        expireSeconds: 180,
        drainTimeoutSeconds: 200,
        stopWaitSeconds: 210,
        restartAboveMb: 256,
        visiblePaths: [],
      },
      limits: { perUser: { runsPerMinute: 5 }, global: {} },
      alerts: { runCostUsd: 5, dailyCostUsd: 100, queueDepth: 50, channels: [] },
    });
    expect(config).toMatchObject({ limits: { perUser: { runsPerMinute: 5 } }, alerts: { queueDepth: 50 } });
  });

  it('keeps a process for a user’s next run only where runs share their workspace', () => {
    const shared = resolve({ agents: { reader: { ...reader, reuse: true } } });
    expect(shared.agents.get('reader')?.isReused).toBe(true);
    const error = refusal(() => resolve({ agents: { coder: { tools: ['Bash'], reuse: true } } }));
    expect(error.errors).toMatchObject([{ path: 'agents.coder.reuse' }]);
  });

  it('keeps no pre-started process when prewarm is false', () => {
    expect(resolve({ agents: { reader: { ...reader, prewarm: false } } }).agents.get('reader')?.prewarm).toBeNull();
    expect(resolve({ agents: { reader: { ...reader, prewarm: 3 } } }).agents.get('reader')?.prewarm).toBe(3);
    for (const prewarm of [true, -1, 1.5, 'many']) {
      expect(refusal(() => resolve({ agents: { reader: { ...reader, prewarm } } })).errors).toMatchObject([
        { path: 'agents.reader.prewarm' },
      ]);
    }
  });

  it('distinguishes a name that begins with two dots from a path out of a directory', () => {
    const error = refusal(() =>
      resolve({ agents: { reader: { ...reader, workspace: '.' } } }, { LONGHAUL_DATA_DIR: '..data' }),
    );
    expect(error.errors[0]?.path).toBe('agents.reader.workspace');
  });

  it('cannot be changed after it is resolved', () => {
    const config = resolve({ agents: { reader } });
    expect(() => Object.assign(config.worker, { slots: 99 })).toThrow(TypeError);
    expect(() => Object.assign(config.agents.get('reader')!.limits, { maxTurns: 99 })).toThrow(TypeError);
  });

  it.each([
    [{}, 'agents', 'is required'],
    [{ agents: {} }, 'agents', 'must define at least one agent'],
    [{ agents: { 'bad name': reader } }, 'agents.bad name', 'must be the name of an agent'],
    [{ agents: { reader: {} } }, 'agents.reader.tools', 'is required (must be a list of tool names; [] means none)'],
    [{ agents: { reader: { ...reader, tols: [] } } }, 'agents.reader.tols', 'is not a known field'],
    [
      { agents: { reader: { ...reader, limits: { maxTurns: -1 } } } },
      'agents.reader.limits.maxTurns',
      'must be 0 or more; received -1',
    ],
    [
      { agents: { reader: { ...reader, limits: { maxTurns: '15' } } } },
      'agents.reader.limits.maxTurns',
      'must be a whole number; received "15"',
    ],
    [{ agents: { reader: { ...reader, permissionMode: 'yolo' } } }, 'agents.reader.permissionMode', 'received "yolo"'],
    [
      { agents: { reader: { ...reader, permissionMode: 'bypassPermissions' } } },
      'agents.reader.permissionMode',
      'allowBypassPermissions: true',
    ],
    [
      { agents: { reader: { ...reader, workspace: '.' } } },
      'agents.reader.workspace',
      "holds Longhaul's data directory",
    ],
    [
      { agents: { reader: { ...reader, workspace: { root: '.longhaul/db', mode: 'shared' } } } },
      'agents.reader.workspace',
      "lies in Longhaul's data directory",
    ],
    [
      { agents: { writer: { tools: ['Write'], workspace: { root: './w', from: '/' } } } },
      'agents.writer.workspace.from',
      "holds Longhaul's data directory",
    ],
    [
      { agents: { writer: { tools: ['Write'], workspace: { root: './w', from: '.longhaul/db' } } } },
      'agents.writer.workspace.from',
      "lies in Longhaul's data directory",
    ],
    [{ agents: { reader }, worker: { slots: 0 } }, 'worker.slots', 'must be 1 or more; received 0'],
    [
      { agents: { reader }, worker: { visiblePaths: ['../other', '.longhaul/db'] } },
      'worker.visiblePaths',
      "must not name a path in Longhaul's data directory",
    ],
    [
      { agents: { writer: { tools: ['Bash'], workspace: shared, settingSources: ['project'] } } },
      'agents.writer.settingSources',
      'and runs of "writer" can write there',
    ],
    [
      {
        agents: {
          reader: { ...reader, workspace: './shared', settingSources: ['local'] },
          writer: { tools: ['Write'], workspace: { root: './shared/drafts' } },
        },
      },
      'agents.reader.settingSources',
      'and runs of "writer" can write there',
    ],
    [[], '', 'received []'],
    [42, '', 'received 42'],
  ])('is rejected by path, value and what is allowed: %j', (input, path, message) => {
    const error = refusal(() => resolve(input));
    expect(error.code).toBe('config_invalid');
    expect(error.errors).toContainEqual({ path, message: expect.stringContaining(message) as string });
    expect(error.message).toContain(path);
  });

  it.each([
    [
      { agents: { reader: { ...reader, limits: { timeoutSeconds: 180 } } } },
      {},
      'agents.reader.limits.timeoutSeconds',
      'is 180 and must be less than worker.expireSeconds, which is 180',
    ],
    [
      { agents: { reader }, worker: { expireSeconds: 200 } },
      {},
      'worker.expireSeconds',
      'is 200 and must be less than worker.drainTimeoutSeconds, which is 200',
    ],
    [
      { agents: { reader }, worker: { stopWaitSeconds: 150 } },
      {},
      'worker.drainTimeoutSeconds',
      'is 200 and must be less than worker.stopWaitSeconds, which is 150',
    ],
    [
      { agents: { reader, other: reader } },
      { LONGHAUL_RUN_TIMEOUT_SECONDS: '190' },
      'LONGHAUL_RUN_TIMEOUT_SECONDS',
      'is 190 and must be less than worker.expireSeconds',
    ],
  ])('is rejected when its timeouts are out of order: %j %j', (input, env, path, message) => {
    expect(refusal(() => resolve(input, env)).errors).toEqual([
      { path, message: expect.stringContaining(message) as string },
    ]);
  });

  it.each([
    { reader: { ...reader, workspace: './shared', settingSources: ['project'] } },
    { writer: { tools: ['Bash'], workspace: './own', settingSources: ['project'] } },
    { writer: { tools: ['Bash'], workspace: { root: './own', mode: 'perSession' }, settingSources: ['project'] } },
    {
      reader: { ...reader, workspace: './shared', settingSources: ['project'] },
      writer: { tools: ['Bash'], workspace: './shared-drafts' },
    },
  ])('may read a project’s settings if no other run can write them: %j', (agents) => {
    expect(resolve({ agents }).agents.size).toBeGreaterThan(1);
  });

  it('resolves visible paths from its own directory', () => {
    expect(
      resolve({ agents: { reader }, worker: { visiblePaths: ['tools', '/dev/kvm'] } }).worker.visiblePaths,
    ).toEqual(['/app/tools', '/dev/kvm']);
  });

  it('yields to the variables', () => {
    const config = resolve(
      { agents: { reader: { ...reader, limits: { timeoutSeconds: 30 } } }, claudePath: null },
      {
        LONGHAUL_RUN_TIMEOUT_SECONDS: '60',
        LONGHAUL_PORT: '0',
        LONGHAUL_DATA_DIR: '/data',
        LONGHAUL_CLAUDE_PATH: '/bin/claude',
        LONGHAUL_HOST: '',
      },
    );
    expect(config).toMatchObject({ port: 0, dataDir: '/data', claudePath: '/bin/claude', host: '127.0.0.1' });
    expect(config.agents.get('reader')?.limits.timeoutSeconds).toBe(60);
  });

  it.each([
    ['LONGHAUL_PORT', '99999'],
    ['LONGHAUL_PORT', 'http'],
    ['LONGHAUL_DATABASE_URL', 'mysql://root:hunter2@db/x'],
    ['LONGHAUL_LOG_LEVEL', 'loud'],
    ['LONGHAUL_QUEUE_URL', 'amqp://:hunter2@cache'],
    ['LONGHAUL_QUEUE_URL', 'redis://:hunter2@cache'],
    ['ANTHROPIC_BASE_URL', 'ftp://hunter2@x'],
  ])('is rejected because of a wrong variable, without repeating a secret: %s=%s', (name, value) => {
    const error = refusal(() => resolve({ agents: { reader } }, { [name]: value }));
    expect(error.errors[0]?.path).toBe(name);
    expect(error.message).not.toContain('hunter2');
  });

  it('gives a writing agent a directory per run, and an agent without a workspace its own directory', () => {
    const config = resolve({ agents: { writer: { tools: ['Bash'], workspace: './w' }, free: { tools: [] } } });
    expect(config.agents.get('writer')?.workspace).toEqual({ root: '/app/w', mode: 'perRun', from: null });
    expect(config.agents.get('free')?.workspace).toEqual({
      root: '/app/.longhaul/workspaces/free',
      mode: 'perRun',
      from: null,
    });
  });

  it('turns thinking off when its limit is 0', () => {
    const config = resolve({
      agents: { reader: { ...reader, thinking: 'adaptive', limits: { maxThinkingTokens: 0 } } },
    });
    expect(config.agents.get('reader')?.thinking).toBe('disabled');
  });
});

describe('a configuration file', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-config-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));
  const load = (file?: string) => loadConfig({ file, cwd: directory, env: {} });

  it('is named when it is missing', async () => {
    await expect(load()).rejects.toMatchObject({
      code: 'config_not_found',
      message: expect.stringContaining('longhaul.config.ts') as string,
    });
    await expect(load('other.ts')).rejects.toMatchObject({
      code: 'config_not_found',
      message: expect.stringContaining('other.ts') as string,
    });
  });

  it('is rejected with the fault when it cannot be loaded, exports nothing or exports the wrong thing', async () => {
    await writeFile(path.join(directory, 'broken.ts'), 'export default {');
    await expect(load('broken.ts')).rejects.toMatchObject({ code: 'config_invalid' });
    await writeFile(path.join(directory, 'empty.ts'), 'export const config = {};');
    await expect(load('empty.ts')).rejects.toMatchObject({
      message: expect.stringContaining('no default export') as string,
    });
    await writeFile(path.join(directory, 'wrong.ts'), 'export default { agents: { a: { tools: "Read" } } };');
    await expect(load('wrong.ts')).rejects.toMatchObject({
      message: expect.stringContaining('agents.a.tools') as string,
    });
  });

  it('that never finishes loading is given up at the deadline', async () => {
    await writeFile(path.join(directory, 'waits.ts'), 'await new Promise(() => {}); export default {};');
    await expect(loadConfig({ file: 'waits.ts', cwd: directory, env: {}, deadlineMs: 50 })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/waits\.ts .*0\.05 s.*await/s) as string,
    });
  });

  it('is plain TypeScript, its paths relative to itself', async () => {
    await writeFile(
      path.join(directory, 'longhaul.config.ts'),
      'const tools: string[] = []; export default { agents: { a: { tools, workspace: "./w" } } };',
    );
    const config = await load();
    expect(config.file).toBe(path.join(directory, 'longhaul.config.ts'));
    expect(config.agents.get('a')?.workspace.root).toBe(path.join(directory, 'w'));
  });
});
