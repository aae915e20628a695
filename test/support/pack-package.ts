import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { inject } from 'vitest';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/**
 * Packs Longhaul with `npm pack`, once for a test run. Returns the path of the tarball. Each build empties `dist/` first,
 * so only one process packs; the others wait for its tarball.
 */
export async function packPackage(): Promise<string> {
  const tarball = path.join(inject('sharedDir'), 'longhaul.tgz');
  const lock = `${tarball}.lock`;
  while (!existsSync(tarball)) {
    if (!(await isMade(lock))) {
      await sleep(200);
      continue;
    }
    try {
      await pack(tarball);
    } finally {
      await rmdir(lock);
    }
  }
  return tarball;
}

async function isMade(directory: string): Promise<boolean> {
  return mkdir(directory).then(
    () => true,
    () => false,
  );
}

async function pack(tarball: string): Promise<void> {
  const directory = await mkdtemp(path.join(inject('sharedDir'), 'pack-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', directory], {
    cwd: root,
    maxBuffer: 1e8,
  });
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ filename: string }];
  await rename(path.join(directory, filename), tarball);
}
