import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TRIED_VERSIONS } from '../agent/tried-versions.ts';
import type { Verdict } from './check.ts';
import { judge, type JudgeOptions } from './doctor.fixture.ts';

describe('the checks of the configuration', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-doctor-test-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const cases: readonly (readonly [
    id: string,
    good: JudgeOptions,
    bad: JudgeOptions,
    Verdict,
    goodVerdict?: Verdict,
  ])[] = [
    ['cost-ceiling', {}, { agent: { limits: { maxBudgetUsd: 5_000 } } }, 'failed'],
    ['cost-ceiling', {}, { agent: { limits: { maxBudgetUsd: 101 } } }, 'warning'],
    ['permissions', {}, { agent: { permissionMode: 'bypassPermissions', allowBypassPermissions: true } }, 'failed'],
    ['permissions', {}, { agent: { tools: ['mcp__shop__*'], mcpServers: { shop: { command: 'shop' } } } }, 'warning'],
    ['prompt-validation', {}, { agent: { limits: { maxPromptLength: 500_000 } } }, 'warning'],
    ['error-kinds', {}, { agent: { retry: { maxAttempts: 1 } } }, 'warning'],
    ['rate-limits', {}, { config: { limits: { perUser: { runsPerMinute: false } } } }, 'failed'],
    ['budgets', { config: { limits: { global: { usdPerDay: 50 } } } }, {}, 'warning'],
    ['webhook-targets', {}, { config: { webhooks: { allowHttp: true } } }, 'warning'],
    ['alert-rules', {}, { config: { alerts: { errorRate: false } } }, 'failed'],
    ['alert-rules', {}, { config: { alerts: { runCostUsd: false } } }, 'warning'],
    [
      'alert-channels',
      { config: { alerts: { channels: [{ type: 'slack', url: 'https://hooks.test/x' }] } } },
      {},
      'warning',
    ],
    ['alert-channels', {}, { env: { LONGHAUL_LOG_LEVEL: 'silent' } }, 'failed', 'warning'],
    ['audit-retention', {}, { config: { audit: { retentionDays: 3 } } }, 'warning'],
    ['provider-credentials', { env: { ANTHROPIC_API_KEY: 'x' } }, {}, 'failed'],
    [
      'provider-credentials',
      { env: { ANTHROPIC_AUTH_TOKEN: 'x' } },
      { env: { ANTHROPIC_BASE_URL: 'https://ai.test' } },
      'failed',
    ],
    ['configuration', {}, { env: { ANTHROPIC_CUSTOM_HEADERS: 'x-team: blue' } }, 'warning'],
  ];

  it.each(cases.map(([id, good, bad, verdict, goodVerdict = 'ok']) => ({ id, good, bad, verdict, goodVerdict })))(
    'judge $id: $good is in order and $bad is not',
    async ({ id, good, bad, verdict, goodVerdict }) => {
      expect(await judge(id, good)).toMatchObject({ verdict: goodVerdict });
      expect(await judge(id, bad)).toMatchObject({ verdict, mend: expect.any(String) as string });
    },
  );

  it('show the chain of timeouts in force', async () => {
    expect(await judge('timeout-chain')).toMatchObject({
      verdict: 'ok',
      found: expect.stringContaining('120 s') as string,
    });
  });

  it('refuse the system, a home directory and the application as a workspace', async () => {
    const workspace = path.join(directory, 'app/workspace');
    await mkdir(workspace, { recursive: true });
    const file = path.join(directory, 'app/longhaul.config.ts');
    const judgeRoot = (root: string) =>
      judge('workspaces', {
        agent: { workspace: { root, mode: 'shared' } },
        file,
        env: { LONGHAUL_DATA_DIR: path.join(directory, 'data') },
      });
    expect(await judgeRoot(workspace)).toMatchObject({ verdict: 'ok' });
    for (const root of [homedir(), path.dirname(workspace), path.join(directory, 'none')]) {
      expect(await judgeRoot(root)).toMatchObject({ verdict: 'failed' });
    }
  });

  it('find a credential in use, or in a file of variables, that git tracks', async () => {
    const project = path.join(directory, 'project');
    await mkdir(project);
    const git = (...args: string[]) => execFileSync('git', ['-C', project, ...args], { stdio: 'ignore' });
    git('init');
    const file = path.join(project, 'longhaul.config.ts');
    const env = { ANTHROPIC_API_KEY: 'a-key-of-this-test-alone' };
    await writeFile(path.join(project, 'notes.txt'), `the key is ${env.ANTHROPIC_API_KEY}`);
    expect(await judge('secrets-in-git', { env, file })).toMatchObject({ verdict: 'ok' });
    git('add', 'notes.txt');
    const found = await judge('secrets-in-git', { env, file });
    expect(found).toMatchObject({ verdict: 'failed', found: expect.stringContaining('notes.txt') as string });
    expect(JSON.stringify(found)).not.toContain(env.ANTHROPIC_API_KEY);
    git('rm', '--cached', 'notes.txt');
    await writeFile(path.join(project, '.env'), 'ANTHROPIC_API_KEY=another-key-of-this-test');
    git('add', '.env');
    expect(await judge('secrets-in-git', { file })).toMatchObject({ verdict: 'failed' });
    expect(await judge('secrets-in-git', { file: path.join(directory, 'x.ts') })).toMatchObject({ verdict: 'ok' });
  });

  it('start the executable, and compare its version with the tested one', async () => {
    expect(await judge('executable')).toMatchObject({ verdict: 'ok' });
    expect(await judge('executable-version')).toMatchObject({ verdict: 'ok' });
    const other = path.join(directory, 'claude');
    await writeFile(other, '#!/bin/sh\necho "1.0.0 (Claude Code)"\n');
    await chmod(other, 0o755);
    expect(await judge('executable-version', { config: { claudePath: other } })).toMatchObject({
      verdict: 'warning',
      found: `${other} is version 1.0.0; this Longhaul was tested with ${TRIED_VERSIONS.join(', ')}`,
    });
    await writeFile(other, '#!/bin/sh\nexit 1\n');
    expect(await judge('executable', { config: { claudePath: other } })).toMatchObject({ verdict: 'failed' });
    await chmod(other, 0o644);
    expect(await judge('executable', { config: { claudePath: other } })).toMatchObject({ verdict: 'failed' });
  });
});
