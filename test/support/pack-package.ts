import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rename } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** Packs Longhaul with `npm pack`, once for a test run. Returns the path of the tarball. */
export async function packPackage(): Promise<string> {
  const tarball = path.join(inject('sharedDir'), 'longhaul.tgz');
  if (existsSync(tarball)) return tarball;
  const directory = await mkdtemp(path.join(inject('sharedDir'), 'pack-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', directory], {
    cwd: root,
    maxBuffer: 1e8,
  });
  const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ filename: string }];
  await rename(path.join(directory, filename), tarball);
  return tarball;
}
