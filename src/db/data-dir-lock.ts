import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LonghaulError } from '../core/errors.ts';
import { findPresence, ownIdentity } from '../core/process-identity.ts';
import { repeat } from '../core/timers.ts';

/** Interval at which a holder updates the lock file, for processes that cannot see its process. */
const SIGN_EVERY_MS = 2_000;

/** Time for which other processes watch for an update: longer than the creation of a database delays one. */
const WATCH_MS = 10_000;

/** Time to wait for another process that is removing a dead holder's lock: it takes two file operations. */
const TAKEOVER_WAIT_MS = 5;

interface LockOptions {
  /** Time to watch for an update by a holder whose process cannot be seen, in ms. Defaults to 10,000. */
  readonly watchMs?: number;
}

interface DataDirLock {
  release(): Promise<void>;
}

/**
 * Locks the data directory for this process; PGlite itself does not lock it, and two writing processes would destroy
 * it. The lock file names its holder by process id and start time, so the lock of a killed process is recognised and
 * taken over, even if its id was given to another process. A holder in another container or on another machine, or of
 * another version, is recognised by the lock file's time, which it updates.
 * @throws {LonghaulError} `data_dir_locked`, naming the holder's process id.
 */
export async function lockDataDir(dataDir: string, { watchMs = WATCH_MS }: LockOptions = {}): Promise<DataDirLock> {
  const lockFile = path.join(dataDir, 'lock');
  const ownFile = path.join(dataDir, `lock.${process.pid}`);
  await writeFile(ownFile, ownIdentity(), { mode: 0o600 });
  try {
    const holder = await take({ file: lockFile, ownFile, watchMs });
    if (holder !== null) throw locked(dataDir, holder);
  } finally {
    await rm(ownFile, { force: true });
  }
  const signs = repeat(SIGN_EVERY_MS, () => {
    const now = new Date();
    utimes(lockFile, now, now).catch(() => {}); // Released meanwhile.
  }).unref();
  return {
    async release() {
      clearInterval(signs);
      await rm(lockFile, { force: true });
    },
  };
}

/**
 * Makes this process the holder of `file`. Returns null, or the living process that holds it.
 *
 * A dead holder's file is removed only by the process that has taken `file.takeover` in the same way, and only if the
 * file is still the dead holder's. Otherwise, of two processes that saw the dead holder, the slower one would remove
 * the new holder's file.
 */
async function take(options: { file: string; ownFile: string; watchMs: number }): Promise<string | null> {
  const { file, ownFile, watchMs } = options;
  for (;;) {
    if (await tryLink(ownFile, file)) return null;
    const holder = await readHolder(file);
    if (holder === null) continue;
    if (await isHeld({ file, holder, watchMs })) return holder;
    const takeover = `${file}.takeover`;
    if ((await take({ ...options, file: takeover })) !== null) {
      await delay(TAKEOVER_WAIT_MS);
      continue;
    }
    if ((await readHolder(file)) === holder) await rm(file);
    await rm(takeover);
  }
}

/**
 * Returns whether the process that a lock file names is alive: by its process or, where that cannot be seen, by its
 * updates.
 */
async function isHeld(options: { file: string; holder: string; watchMs: number }): Promise<boolean> {
  const { file, holder, watchMs } = options;
  const presence = findPresence(holder);
  if (presence !== 'elsewhere') return presence === 'alive';
  const before = await readSign(file);
  const deadline = performance.now() + watchMs;
  // Compared only with itself: the holder's clock may differ.
  while (performance.now() < deadline) {
    await delay(SIGN_EVERY_MS / 4);
    if ((await readSign(file)) !== before) return true;
  }
  return false;
}

async function readSign(file: string): Promise<number> {
  const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: NaN }));
  return mtimeMs;
}

/** Creates a link, which is atomic and never replaces an existing file: the loser of a race gets `false`. */
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

function locked(dataDir: string, holder: string): LonghaulError {
  const pid = /^\d+/.exec(holder)?.[0];
  return new LonghaulError('data_dir_locked', {
    message: `The data directory ${dataDir} is in use by ${pid === undefined ? 'another process' : `process ${pid}`}. Only one process at a time can use the embedded database: stop that process, choose another LONGHAUL_DATA_DIR, or set LONGHAUL_DATABASE_URL to share a PostgreSQL server.`,
  });
}
