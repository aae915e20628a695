import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LonghaulError } from '../core/errors.ts';
import { isIdentityAlive, ownIdentity } from '../core/process-identity.ts';

interface DataDirLock {
  release(): Promise<void>;
}

/**
 * Takes the data directory for this process; PGlite itself does not lock it, and two processes writing
 * would destroy it. The lock file names its holder by process id and start time, so one left by a killed
 * process is recognised and taken over, also when its id has been given to another.
 * @throws {LonghaulError} `data_dir_locked`, naming the holder's process id.
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const lockFile = path.join(dataDir, 'lock');
  const ownFile = path.join(dataDir, `lock.${process.pid}`);
  const own = ownIdentity();
  await writeFile(ownFile, own, { mode: 0o600 });
  try {
    while (!(await tryLink(ownFile, lockFile))) {
      const holder = await readHolder(lockFile);
      if (holder === null) continue;
      if (isIdentityAlive(holder)) throw locked(dataDir, holder);
      await removeStale({ lockFile, holder, asideFile: `${ownFile}.stale` });
    }
  } finally {
    await rm(ownFile, { force: true });
  }
  return {
    async release() {
      if ((await readHolder(lockFile)) === own) await rm(lockFile, { force: true });
    },
  };
}

/** Links are made whole or not at all, and never over an existing file: the loser of a race gets `false`. */
async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(lockFile: string): Promise<string | null> {
  try {
    return await readFile(lockFile, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Moves a dead holder's lock away; when another starter was quicker and the file is its new lock, puts that back. */
async function removeStale(options: { lockFile: string; holder: string; asideFile: string }): Promise<void> {
  const { lockFile, holder, asideFile } = options;
  try {
    await rename(lockFile, asideFile);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await readHolder(asideFile)) !== holder) await tryLink(asideFile, lockFile);
  await rm(asideFile, { force: true });
}

function locked(dataDir: string, holder: string): LonghaulError {
  const pid = holder.split(':')[0];
  return new LonghaulError('data_dir_locked', {
    message: `The data directory ${dataDir} is in use by process ${pid}. The embedded database takes one process at a time: stop that one, choose another LONGHAUL_DATA_DIR, or set LONGHAUL_DATABASE_URL to share a PostgreSQL.`,
  });
}
