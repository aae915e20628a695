import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

let operator: OperatorServer;

beforeAll(async () => {
  operator = await startOperatorServer();
});

afterAll(() => operator.close());

const budgets = (...args: string[]) => runCommand(['budgets', ...args], { cwd: tmpdir(), env: operator.env });

it('lists budgets, and changes one', async () => {
  expect((await budgets()).stdout).toBe('No amount was spent or reserved yet.\n');
  const set = await budgets('set', '--team', 'ops', '--per-day', '10');
  expect(set.stdout).toMatch(/^team ops +day +\$0\.00 +\$0\.00 +\$10\.00 \(set\) +0 % +20\d\d-\d\d-\d\d 00:00 UTC$/m);
  await operator.service.post('/v1/runs', { agent: 'reader', prompt: 'x', team: 'ops' });
  expect((await budgets('--json')).stdout).toContain('"reservedUsd":1');
  expect((await budgets()).stdout).toMatch(/^team ops +day +\$0\.00 +\$1\.00 +\$10\.00 \(set\) +10 %/m);
  const unset = await budgets('set', '--team', 'ops', '--per-day', 'none');
  expect(unset.stderr).toBe('');
  expect(unset.stdout).toMatch(/^team ops +day +\$0\.00 +\$1\.00 +none/m);
});

it.each([
  [['set', '--per-day', '10'], 'use one of --user, --team and --global'],
  [['set', '--user', 'a', '--global', '--per-day', '10'], 'use one of --user, --team and --global'],
  [['set', '--team', 'a', '--global', '--per-day', '10'], 'use one of --user, --team and --global'],
  [['set', '--global'], 'use --per-day, --per-month or both'],
  [['set', '--global', '--per-day', 'much'], 'It must be an amount in USD, 0 or more, or "none".'],
])('rejects %j', async (args, words) => {
  const refused = await budgets(...args);
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain(words);
});
