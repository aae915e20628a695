import { cp, lstat, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { createId } from '../core/ids.ts';

export const PARTIAL_SUFFIX = '.new';

/**
 * Copies a whole directory, links as links. Returns the names, relative to the directory, of what cannot be copied and
 * was left out: sockets, pipes and devices, which an editor's server or a watcher leaves behind.
 *
 * The copy is made under another name first, so that a later attempt never mistakes an incomplete copy for a complete
 * one.
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
    // The abandoned copy of an earlier attempt was completed first, and has the same content.
    if (!['EEXIST', 'ENOTEMPTY'].includes(String((error as { code?: unknown }).code))) throw error;
  }
  return skipped;
}
