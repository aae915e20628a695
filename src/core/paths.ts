import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** Returns whether `inner` is `outer` or lies in it. Compares names: the caller resolves links first. */
export function isWithin(inner: string, outer: string): boolean {
  const relative = path.relative(outer, inner);
  // `..x` is an ordinary name.
  return relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}

/**
 * Returns how `place` and `other` overlap, as words for a message; null when neither is within the other. Compares
 * names.
 */
export function findOverlap(place: string, other: string): 'holds' | 'lies in' | null {
  if (isWithin(other, place)) return 'holds';
  return isWithin(place, other) ? 'lies in' : null;
}

interface MakeOptions {
  /** Permissions of the created directories. Defaults to 777 less the process's umask. */
  readonly mode?: number;
}

/**
 * Creates a directory and its missing parents. Returns true if it did not exist before. Node's own `recursive: true`
 * tries forever where the kernel forbids new directories, such as `/proc/x`.
 * @throws the system's error when the directory cannot be created, `EEXIST` when something else has its name.
 */
export async function makeDirectory(directory: string, options: MakeOptions = {}): Promise<boolean> {
  if (await isDirectory(directory)) return false;
  await makeDirectory(path.dirname(directory), options);
  try {
    await mkdir(directory, options);
    return true;
  } catch (error) {
    // Another process created it in the meantime.
    if (await isDirectory(directory)) return false;
    throw error;
  }
}

async function isDirectory(place: string): Promise<boolean> {
  return stat(place).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
