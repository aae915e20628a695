import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** Longhaul packed as `npm pack` does, without a trace in the checkout, once for a test run; returns the tarball. */
export async function packPackage(): Promise<string> {
  const tarball = path.join(inject('sharedDir'), 'longhaul.tgz');
  if (existsSync(tarball)) return tarball;
  const staging = await mkdtemp(path.join(tmpdir(), 'longhaul-staging-'));
  try {
    for (const name of ['package.json', 'bin', 'examples/workspace', 'README.md', 'LICENSE', 'CHANGELOG.md']) {
      await cp(path.join(root, name), path.join(staging, name), { recursive: true });
    }
    const out = path.join(staging, 'dist');
    await run(process.execPath, [path.join(root, 'scripts/build.ts'), out], {
      env: { ...process.env, PATH: `${path.join(root, 'node_modules/.bin')}${path.delimiter}${process.env['PATH']}` },
    });
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', staging], {
      cwd: staging,
      maxBuffer: 1e8,
    });
    const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ filename: string }];
    await rename(path.join(staging, filename), tarball);
    return tarball;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
