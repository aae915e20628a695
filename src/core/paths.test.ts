import { chmod, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isWithin, makeDirectory } from './paths.ts';

describe('a path', () => {
  it.each([
    ['/a', '/a', true],
    ['/a/b', '/a', true],
    ['/a/..b/c', '/a', true],
    ['/a/..', '/a', false],
    ['/ab', '/a', false],
    ['/', '/a', false],
    ['/a', '/', true],
  ])('%s is within %s: %s', (inner, outer, expected) => {
    expect(isWithin(inner, outer)).toBe(expected);
  });
});

describe('a directory', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'longhaul-paths-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('is created with its missing parents, and only the created directories get the mode', async () => {
    await chmod(root, 0o755);
    expect(await makeDirectory(path.join(root, 'above/directory'), { mode: 0o700 })).toBe(true);
    expect(await makeDirectory(path.join(root, 'above/directory'), { mode: 0o711 })).toBe(false);
    const modes = ['', 'above', 'above/directory'].map(
      async (name) => (await stat(path.join(root, name))).mode & 0o777,
    );
    expect(await Promise.all(modes)).toEqual([0o755, 0o700, 0o700]);
  });

  it('is created by only one of several concurrent callers', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => makeDirectory(path.join(root, 'a/b/c'))));
    expect(made.filter(Boolean)).toHaveLength(1);
  });

  it.each(['file', 'file/below', 'link'])('is not created where something else exists: %s', async (name) => {
    await writeFile(path.join(root, 'file'), '');
    await symlink('nowhere', path.join(root, 'link'));
    await expect(makeDirectory(path.join(root, name))).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it.runIf(process.platform === 'linux')('that the kernel does not allow is rejected, not tried forever', async () => {
    await expect(makeDirectory('/proc/nope/below')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
