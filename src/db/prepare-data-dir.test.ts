import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareDataDir } from './prepare-data-dir.ts';

describe('a data directory', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'longhaul-data-dir-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('is created for this user only, and left unchanged when it exists', async () => {
    const directory = path.join(root, 'above/data');
    await prepareDataDir(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    await chmod(directory, 0o755);
    await prepareDataDir(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o755);
  });

  it.each([
    ['the files of Longhaul', ['db', 'workspaces', 'notes.txt']],
    ['the files of an interrupted first start', ['lock.4711']],
    ['the files of a server with a database elsewhere', ['admin-key.new']],
    ['the files of a new volume or a checkout', ['lost+found', '.gitignore']],
  ])('may hold %s', async (_, entries) => {
    for (const entry of entries) await mkdir(path.join(root, entry));
    await expect(prepareDataDir(root)).resolves.toBeUndefined();
  });

  it('is rejected when it belongs to other software, is a file, or cannot be created', async () => {
    await writeFile(path.join(root, 'file'), '');
    const impossible = process.platform === 'linux' ? ['/proc/nope', '/proc/nope/below'] : [];
    for (const place of [root, path.join(root, 'file'), path.join(root, 'file/below'), ...impossible]) {
      await expect(prepareDataDir(place)).rejects.toMatchObject({
        code: 'config_invalid',
        message: expect.stringMatching(new RegExp(`${place} .*LONGHAUL_DATA_DIR`)) as string,
      });
    }
    expect(await readdir(root)).toEqual(['file']);
  });
});
