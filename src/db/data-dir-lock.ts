import { link, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LonghaulError } from '../core/errors.ts';
import { findPresence, ownIdentity } from '../core/process-identity.ts';
import { repeat } from '../core/timers.ts';

/** How often a holder shows that it is there, to those who cannot see its process. */
const SIGN_EVERY_MS = 2_000;

/** How long those look for a sign: longer than creating a database keeps the holder from giving one. */
const WATCH_MS = 10_000;

/** How long to leave another process that is removing a dead holder's lock: it takes two file operations. */
const TAKEOVER_WAIT_MS = 5;

interface LockOptions {
  /** How long to look for a sign of a holder whose process cannot be seen, in ms. Defaults to 10,000. */
  readonly watchMs?: number;
}

interface DataDirLock {
  release(): Promise<void>;
}

/**
 * Takes the data directory for this process; PGlite itself does not lock it, and two processes writing
 * would destroy it. The lock file names its holder by process id and start time, so one left by a killed
 * process is recognised and taken over, also when its id has been given to another. A holder in another
 * container or on another machine, or one of another version, is told by the lock file's time, which it renews.
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
 * Makes `file` this process's; returns null, or the living process that has it.
 *
 * A dead holder's file is removed only by who has taken `file.takeover` the same way, and only after a look
 * that it is still the dead one's: without that, of two that saw it the slower would remove the new holder's.
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

/** Whether the process that a lock file names is there: seen, or, where it cannot be, by its signs. */
async function isHeld(options: { file: string; holder: string; watchMs: number }): Promise<boolean> {
  const { file, holder, watchMs } = options;
  const presence = findPresence(holder);
  if (presence !== 'elsewhere') return presence === 'alive';
  const before = await readSign(file);
  const deadline = performance.now() + watchMs;
  // Compared with itself only: the holder's clock may be another.
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

function locked(dataDir: string, holder: string): LonghaulError {
  const pid = /^\d+/.exec(holder)?.[0];
  return new LonghaulError('data_dir_locked', {
    message: `The data directory ${dataDir} is in use by ${pid === undefined ? 'another process' : `process ${pid}`}. The embedded database takes one process at a time: stop that one, choose another LONGHAUL_DATA_DIR, or set LONGHAUL_DATABASE_URL to share a PostgreSQL.`,
  });
}
