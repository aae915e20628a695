import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { isWithin } from '../core/paths.ts';

/**
 * Whether `given`, read as a tool reads it from `baseDir`, stays in `rootDir` once every symbolic link on the
 * way is followed. What does not exist yet counts by its nearest existing ancestor; what cannot be told is outside.
 */
export async function isContainedPath(
  given: string,
  { rootDir, baseDir }: { readonly rootDir: string; readonly baseDir: string },
): Promise<boolean> {
  // Claude Code trims a path, expands `~` and composes its characters before it opens it. So do we.
  const asRead = given.trim().normalize('NFC');
  if (asRead.includes('\0') || asRead === '~' || asRead.startsWith('~/')) return false;
  try {
    const real = await realpathOfFuture(path.resolve(baseDir, asRead));
    return isWithin(real, await realpath(rootDir));
  } catch {
    return false;
  }
}

/** The real path that `target` has, or would have once made. Rejects for a link that leads nowhere: a write would follow it. */
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
