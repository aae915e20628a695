import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';

/** A place as it exists on this machine now, with its links resolved. */
export interface ResolvedPlace {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Resolves the links of a place; null when it does not exist, or is the root directory. */
export async function resolvePlace(given: string): Promise<ResolvedPlace | null> {
  try {
    const real = await realpath(given);
    return real === path.parse(real).root ? null : { path: real, isDirectory: (await stat(real)).isDirectory() };
  } catch {
    return null;
  }
}
