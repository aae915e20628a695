import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

// Packs the package once, and checks the tarball: that each entry exists and is published (publint), and that
// TypeScript resolves its types, as Node and bundlers resolve the code (attw). The package has ES modules only.

function run(command: string, args: readonly string[]): void {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exitCode = status ?? 1;
}

const directory = mkdtempSync(path.join(tmpdir(), 'longhaul-pack-'));
try {
  run('npm', ['pack', '--silent', '--pack-destination', directory]);
  const tarball = readdirSync(directory).find((file) => file.endsWith('.tgz'));
  if (tarball !== undefined) {
    const file = path.join(directory, tarball);
    run('publint', ['run', file, '--strict']);
    run('attw', [file, '--profile', 'esm-only', '--no-definitely-typed', '--format', 'table-flipped']);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
