import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { isWithin } from '../../core/paths.ts';

/**
 * Returns whether `given`, resolved from `baseDir` like a tool does, stays in `rootDir` after every symbolic link is
 * followed. A path that does not exist yet counts by its nearest existing ancestor; a path that cannot be resolved is
 * outside.
 */
export async function isContainedPath(
  given: string,
  { rootDir, baseDir }: { readonly rootDir: string; readonly baseDir: string },
): Promise<boolean> {
  // Claude Code trims a path, expands `~` and normalizes its characters before it opens it. We do the same.
  const asRead = given.trim().normalize('NFC');
  if (asRead.includes('\0') || asRead === '~' || asRead.startsWith('~/')) return false;
  try {
    const real = await realpathOfFuture(path.resolve(baseDir, asRead));
    return isWithin(real, await realpath(rootDir));
  } catch {
    return false;
  }
}

/**
 * Returns the real path that `target` has, or would have once created. Rejects for a dangling link: a write would
 * follow it.
 */
async function realpathOfFuture(target: string): Promise<string> {
  try {
    return await realpath(target);
  } catch (error) {
    const isMissing = (await lstat(target).catch(toCode)) === 'ENOENT';
    const parent = path.dirname(target);
    if (!isMissing || parent === target) throw error;
    return path.join(await realpathOfFuture(parent), path.basename(target));
  }
}

function toCode(error: NodeJS.ErrnoException): string | undefined {
  return error.code;
}
