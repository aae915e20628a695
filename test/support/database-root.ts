import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The directory of a test run's databases, for the processes of its tests. */
const VARIABLE = 'LONGHAUL_TEST_DATABASES';

/** A file system in memory, on Linux. */
const MEMORY = '/dev/shm';

/** Least space in it, and least free memory, in bytes. The databases of a test run take up to 1 GB. */
const LEAST_SPACE = 4 * 2 ** 30;
const LEAST_MEMORY = 8 * 2 ** 30;

const PREFIX = 'longhaul-databases-';

/** Returns a new directory for a database of a test. */
export function makeDatabaseDirectory(prefix: string): Promise<string> {
  return mkdtemp(path.join(process.env[VARIABLE] ?? tmpdir(), prefix));
}

/**
 * Chooses where the databases of this test run are: in memory, if there is enough. Each database is 800 files, which take
 * 0.25 to 0.7 s on a disk and 0.03 s in memory (measured). Returns the function that removes what is left.
 */
export async function chooseDatabaseRoot(): Promise<() => Promise<void>> {
  const space = await statfs(MEMORY).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => 0,
  );
  if (space < LEAST_SPACE || process.availableMemory() < LEAST_MEMORY) return async () => {};
  await removeAbandoned();
  const root = await mkdtemp(path.join(MEMORY, `${PREFIX}${process.pid}-`));
  await chmod(root, 0o755); // PostgreSQL runs as another user.
  process.env[VARIABLE] = root;
  return () => rm(root, { recursive: true, force: true });
}

/** Removes the databases of test runs that were killed. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(MEMORY)) {
    const pid = name.match(`^${PREFIX}(\\d+)-`)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      await rm(path.join(MEMORY, name), { recursive: true, force: true });
  }
}
