import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../test/support/run-command.ts';
import type { CreatedKeyResource, KeyResource } from '../api/contract.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

describe('longhaul keys', () => {
  let operator: OperatorServer;

  const longhaul = (args: string[], changes: Record<string, string> = {}) =>
    runCommand(args, { cwd: tmpdir(), env: { ...operator.env, ...changes } });

  beforeAll(async () => {
    operator = await startOperatorServer();
  });
  afterAll(() => operator.close());

  it('creates a key, and prints only the key on standard output', async () => {
    const made = await longhaul(['keys', 'create', 'shop backend', '--user', 'ann', '--scope', 'runs:read']);
    expect(made).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^lh_[\w-]{43}\n$/) as string });
    expect(made.stderr).toMatch(/^Key [\da-f-]{36} \(shop backend\): runs:read; user ann. It is not shown again.\n$/);
    const key = { LONGHAUL_API_KEY: made.stdout.trim() };
    expect(await longhaul(['runs', '--json'], key)).toMatchObject({ exitCode: 0 });
    const refused = await longhaul(['run', 'reader', 'hello'], key);
    expect(refused.exitCode).toBe(65);
    expect(refused.stderr).toContain('lacks the scope runs:write');
  });

  it('lists and revokes keys', async () => {
    const made = await longhaul(['keys', 'create', 'on\x1b[2Jcall', '--scope', 'admin', '--json']);
    const { key, id } = JSON.parse(made.stdout) as CreatedKeyResource;
    expect((await longhaul(['keys', 'list'], { LONGHAUL_API_KEY: key })).stdout).toMatch(
      new RegExp(`^ID +STATE +AGE +USED +NAME +SCOPES\n${id} +active +\\d+ s +(never|\\d+ s) +on[^\x1b]*call +admin\n`),
    );
    const revoked = await longhaul(['keys', 'revoke', id]);
    expect(revoked).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/ is revoked\.\n$/) as string });
    const { data } = JSON.parse((await longhaul(['keys', 'list', '--json'])).stdout) as { data: KeyResource[] };
    expect(data.find((one) => one.id === id)?.revokedAt).not.toBeNull();
    await expect
      .poll(async () => (await longhaul(['keys', 'list'], { LONGHAUL_API_KEY: key })).exitCode, { timeout: 20_000 })
      .toBe(64);
  });

  it('rejects an invalid scope and an invalid id with an explanation', async () => {
    expect((await longhaul(['keys', 'create', 'x', '--scope', 'root'])).stderr).toContain('runs:write, runs:read');
    expect(await longhaul(['keys', 'revoke', 'x'])).toMatchObject({ exitCode: 2 });
    expect((await longhaul(['keys', 'create', '--help'])).stdout).toContain('Without --scope');
    expect((await longhaul(['keys', '--help'])).stdout).toMatch(/create .*\n[^]*list .*\n[^]*revoke /);
  });
});
