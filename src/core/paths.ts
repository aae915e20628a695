import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';

/** Whether `inner` is `outer` or lies in it, by their names: links are for the caller to follow first. */
export function isWithin(inner: string, outer: string): boolean {
  const relative = path.relative(outer, inner);
  // `..x` is a name like any other.
  return relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
}

/** How `place` and `other` overlap, in words for a message; null when neither is within the other. By their names. */
export function findOverlap(place: string, other: string): 'holds' | 'lies in' | null {
  if (isWithin(other, place)) return 'holds';
  return isWithin(place, other) ? 'lies in' : null;
}

interface MakeOptions {
  /** Permissions of what is made, here and above. Defaults to what the process's umask leaves of 777. */
  readonly mode?: number;
}

/**
 * Makes a directory, with those above it that are missing, and gives whether it was not there before. Node's own
 * way, `recursive: true`, tries for ever where the kernel lets nobody make one, such as `/proc/x`.
 * @throws the system's error when it cannot be made, `EEXIST` when something else is there.
 */
export async function makeDirectory(directory: string, options: MakeOptions = {}): Promise<boolean> {
  if (await isDirectory(directory)) return false;
  await makeDirectory(path.dirname(directory), options);
  try {
    await mkdir(directory, options);
    return true;
  } catch (error) {
    // Another has made it meanwhile.
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
