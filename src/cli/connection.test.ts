import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { connect } from './connection.ts';
import { createShell } from './shell.ts';

it.each([
  ['a line break', 'lh_secret\nlh_secret'],
  ['a control character', 'lh_\u0000secret'],
  ['a letter of another script', 'lh_secretж'],
  ['a blank', 'Bearer lh_secret'],
])('a key with %s is rejected without being repeated', async (_, key) => {
  const shell = { ...createShell(), env: { LONGHAUL_API_KEY: key } };
  const refusal = connect(shell, {});
  await expect(refusal).rejects.toMatchObject({
    code: 'unauthorized',
    message: expect.stringContaining('LONGHAUL_API_KEY') as string,
  });
  await expect(refusal).rejects.not.toMatchObject({ message: expect.stringContaining('secret') as string });
});

it('the line break at the end of a key is not part of it', async () => {
  const shell = { ...createShell(), env: { LONGHAUL_API_KEY: 'lh_secret\n' } };
  await expect(connect(shell, {})).resolves.toBeDefined();
});

it('a key file that was damaged is named, and its content not repeated', async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'longhaul-connection-'));
  const file = path.join(dataDir, 'admin-key');
  await writeFile(file, 'lh_secret\u0007\n');
  const refusal = connect({ ...createShell(), env: { LONGHAUL_DATA_DIR: dataDir } }, {});
  await expect(refusal).rejects.toMatchObject({ message: expect.stringContaining(file) as string });
  await expect(refusal).rejects.not.toMatchObject({ message: expect.stringContaining('secret') as string });
  await rm(dataDir, { recursive: true });
});
