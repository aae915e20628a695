import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const cache = path.join(root, 'node_modules/.cache/longhaul-command');
const DAY_MS = 24 * 3_600_000;

let built: string | undefined;

/**
 * Returns the path of the `longhaul` command, bundled from the sources: it starts with half the processor time, because
 * Node loads 50 files instead of 1,500. The first process that needs it bundles it, once for each change of the sources.
 */
export function findCommand(): string {
  return path.join(findDirectory(), 'cli/main.js');
}

/** Adds the command's compile cache, which halves the processor time of a start again. */
export function withCommandCache(env: Readonly<Record<string, string>>): Record<string, string> {
  return { ...env, NODE_COMPILE_CACHE: path.join(findDirectory(), 'compiled') };
}

function findDirectory(): string {
  built ??= path.join(cache, hashSources());
  if (!existsSync(built)) {
    removeOldBuilds();
    execFileSync(process.execPath, [path.join(import.meta.dirname, 'build-command.ts'), built], { stdio: 'inherit' });
  }
  return built;
}

function hashSources(): string {
  const files = globSync(['src/**/*.ts', 'test/support/build-command.ts', 'package-lock.json'], { cwd: root }).sort();
  const hash = createHash('sha256');
  for (const file of files) {
    if (!file.endsWith('.test.ts'))
      hash
        .update(file)
        .update('\0')
        .update(readFileSync(path.join(root, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Keeps the builds of the last day, which another test run may use. */
function removeOldBuilds(): void {
  if (!existsSync(cache)) return;
  for (const name of readdirSync(cache)) {
    const directory = path.join(cache, name);
    if (Date.now() - statSync(directory).mtimeMs > DAY_MS) rmSync(directory, { recursive: true, force: true });
  }
}
