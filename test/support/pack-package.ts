import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

/** Packs Longhaul into `directory` as `npm pack` does, without a trace in the checkout; returns the tarball. */
export async function packPackage(directory: string): Promise<string> {
  const staging = await mkdtemp(path.join(tmpdir(), 'longhaul-staging-'));
  try {
    for (const name of ['package.json', 'bin', 'examples/workspace', 'README.md', 'LICENSE', 'CHANGELOG.md']) {
      await cp(path.join(root, name), path.join(staging, name), { recursive: true });
    }
    await mkdir(directory, { recursive: true });
    const out = path.join(staging, 'dist');
    await run(process.execPath, [path.join(root, 'scripts/build.ts'), out], {
      env: { ...process.env, PATH: `${path.join(root, 'node_modules/.bin')}${path.delimiter}${process.env['PATH']}` },
    });
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], {
      cwd: staging,
      maxBuffer: 1e8,
    });
    const [{ filename }] = JSON.parse(stdout.slice(stdout.indexOf('['))) as [{ filename: string }];
    return path.join(directory, filename);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
