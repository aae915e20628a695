import { cp, lstat, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { createId } from '../core/ids.ts';

export const PARTIAL_SUFFIX = '.new';

/**
 * Copies a directory whole, links as links. Returns, by their names in it, what cannot be copied and was left out: sockets,
 * pipes and devices, which an editor's server or a watcher leaves in a directory.
 *
 * Under another name first: a copy that breaks off half-way is never taken for the whole by a later attempt.
 */
export async function copyTemplate(from: string, to: string): Promise<string[]> {
  const aside = path.join(path.dirname(to), `.${createId()}${PARTIAL_SUFFIX}`);
  const skipped: string[] = [];
  const filter = async (source: string) => {
    const found = await lstat(source);
    const isCopied = found.isDirectory() || found.isFile() || found.isSymbolicLink();
    if (!isCopied) skipped.push(path.relative(from, source));
    return isCopied;
  };
  try {
    await cp(from, aside, { recursive: true, verbatimSymlinks: true, filter });
    await rename(aside, to);
  } catch (error) {
    await rm(aside, { recursive: true, force: true });
    // An earlier attempt's copy, which nobody waited for, has come first: it is the same.
    if (!['EEXIST', 'ENOTEMPTY'].includes(String((error as { code?: unknown }).code))) throw error;
  }
  return skipped;
}
