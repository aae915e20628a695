import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PNG } from '../../test/support/attachments.ts';
import { runCommand } from '../../test/support/run-command.ts';
import type { RunResource } from '../api/contract.ts';
import { startOperatorServer, type OperatorServer } from './operator.fixture.ts';

describe('run --attach', () => {
  let operator: OperatorServer;
  let cwd: string;

  beforeAll(async () => {
    operator = await startOperatorServer();
    cwd = await mkdtemp(path.join(tmpdir(), 'longhaul-attach-'));
    // The content says what it is, whatever the name says.
    await writeFile(path.join(cwd, 'dot.txt'), Buffer.from(PNG, 'base64'));
    await writeFile(path.join(cwd, 'sales.csv'), 'a,b\n');
    await writeFile(path.join(cwd, 'data.bin'), Buffer.from([0xff, 0x00]));
  });
  afterAll(async () => {
    await operator.close();
    await rm(cwd, { recursive: true, force: true });
  });

  const longhaul = (...args: string[]) => runCommand(args, { cwd, env: operator.env });

  it('sends files with the prompt, in order', async () => {
    const args = ['--attach', 'dot.txt', '--attach', 'sales.csv', '--json'];
    const { stdout } = await longhaul('run', ...args, 'reader', 'What are they?');
    expect((JSON.parse(stdout) as RunResource).attachments).toMatchObject([
      { name: 'dot.txt', mediaType: 'image/png' },
      { name: 'sales.csv', mediaType: 'text/csv', bytes: 4 },
    ]);
  });

  it.each([
    ['a file that is not there', 'missing.txt', 'missing.txt cannot be attached'],
    ['a directory', '.', 'cannot be attached'],
    ['a file that no agent can read', 'data.bin', 'attachments[0] must be text in UTF-8'],
  ])('refuses %s', async (_, file, message) => {
    const refused = await longhaul('run', 'reader', 'What is it?', '--attach', file);
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain(message);
  });
});
