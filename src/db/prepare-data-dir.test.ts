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

  it('is made for this user alone, and left as it is when it is there', async () => {
    const directory = path.join(root, 'above/data');
    await prepareDataDir(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    await chmod(directory, 0o755);
    await prepareDataDir(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o755);
  });

  it.each([
    ['what Longhaul keeps', ['db', 'workspaces', 'notes.txt']],
    ['what an interrupted first start left', ['lock.4711']],
    ['what a server with a database elsewhere left', ['admin-key.new']],
    ['what a new volume or a checkout brings', ['lost+found', '.gitignore']],
  ])('may hold %s', async (_, entries) => {
    for (const entry of entries) await mkdir(path.join(root, entry));
    await expect(prepareDataDir(root)).resolves.toBeUndefined();
  });

  it("is refused when it is somebody else's, a file, or nowhere to be made", async () => {
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
