import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { inject } from 'vitest';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** Packs Longhaul with `npm pack`, once for a test run: each build empties `dist/` first. Returns the tarball's path. */
export function packPackage(): Promise<string> {
  return onceInRun('longhaul.tgz', async (tarball) => {
    const directory = await mkdtemp(path.join(inject('sharedDir'), 'pack-'));
    const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', directory], {
      cwd: root,
      maxBuffer: 1e8,
    });
    const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ filename: string }];
    await rename(path.join(directory, filename), tarball);
  });
}

/** Installs the packed Longhaul in a new project, once for a test run. Returns the project's directory. */
export function installPackage(): Promise<string> {
  return onceInRun('installed', async (project) => {
    const tarball = await packPackage();
    const directory = await mkdtemp(path.join(inject('sharedDir'), 'install-'));
    await writeFile(path.join(directory, 'package.json'), '{ "name": "app", "private": true, "type": "module" }');
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], { cwd: directory });
    await rename(directory, project);
  });
}

/** Makes a file or directory that all test processes share. Only one process makes it; the others wait for it. */
async function onceInRun(name: string, make: (file: string) => Promise<void>): Promise<string> {
  const file = path.join(inject('sharedDir'), name);
  const lock = `${file}.lock`;
  while (!existsSync(file)) {
    if (!(await isMade(lock))) {
      await sleep(200);
      continue;
    }
    try {
      if (!existsSync(file)) await make(file);
    } finally {
      await rmdir(lock);
    }
  }
  return file;
}

async function isMade(directory: string): Promise<boolean> {
  return mkdir(directory).then(
    () => true,
    () => false,
  );
}
