import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isIdentityAlive, ownIdentity } from '../core/process-identity.ts';

const PREFIX = 'longhaul-worker-';

/** The directory under which this process's attempts keep what is private to them. In the system's temporary directory, where paths are short. */
export async function makeScratch(): Promise<string> {
  const directory = path.join(tmpdir(), `${PREFIX}${ownIdentity().replace(':', '-')}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** Removes what workers left that died without cleaning up: the directory's name says whose it was. */
export async function sweepScratch(): Promise<void> {
  for (const entry of await readdir(tmpdir())) {
    if (!entry.startsWith(PREFIX)) continue;
    const identity = entry.slice(PREFIX.length).replace('-', ':');
    if (!isIdentityAlive(identity))
      await rm(path.join(tmpdir(), entry), { recursive: true, force: true }).catch(() => {}); // Another user's: theirs to remove.
  }
}
