import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const SDK = '@anthropic-ai/claude-agent-sdk';

/** Returns the version that the configured registry has under a name: an exact version, or `latest`. */
export async function findVersion(root: string, wanted: string): Promise<string> {
  const found = await run('npm', ['view', `${SDK}@${wanted}`, 'version'], { cwd: root }).catch(() => ({ stdout: '' }));
  const version = found.stdout.trim();
  if (version === '') throw new Error(`The npm registry has no ${SDK}@${wanted}, or does not answer.`);
  return version;
}

/** Returns the version that `package.json` pins. */
export async function readPin(root: string): Promise<string> {
  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  return manifest.dependencies[SDK]!;
}

/**
 * Copies the working tree to a temporary directory, with changes that are not committed but without ignored files, and
 * installs all packages there, the Agent SDK in the given version. Needs about 1.5 GB.
 */
export async function makeCheckout(
  root: string,
  { version, signal }: { version: string; signal: AbortSignal },
): Promise<{ readonly directory: string; remove(): Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-upstream-'));
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 3 });
  try {
    const listed = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      signal,
      maxBuffer: 1 << 24,
    });
    const files = listed.stdout.split('\0').filter((file) => file !== '' && existsSync(path.join(root, file)));
    for (const file of files) {
      await cp(path.join(root, file), path.join(directory, file), { verbatimSymlinks: true });
    }
    const install = ['install', '--save-exact', '--prefer-offline', '--no-audit', '--no-fund', `${SDK}@${version}`];
    await run('npm', install, { cwd: directory, signal, maxBuffer: 1 << 24 });
    return { directory, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
