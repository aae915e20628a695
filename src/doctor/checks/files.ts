import { constants } from 'node:fs';
import { access, readFile, stat, statfs } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { failed, ok, skipped, warning, type Check } from '../check.ts';
import { megabytes } from './megabytes.ts';

export const home: Check = {
  id: 'home',
  theme: 'machine',
  title: 'The home directory belongs to the user of the worker',
  docs: 'docs/operations.md#start',
  async examine({ findServices }) {
    const services = (await findServices()).filter(({ env, uid }) => env !== null && uid !== null);
    const homes =
      services.length > 0
        ? services.map(({ env, uid }) => ({ place: env?.['HOME'] ?? '', uid: uid ?? 0 }))
        : [{ place: homedir(), uid: process.getuid?.() ?? 0 }];
    for (const { place, uid } of homes) {
      const owner = await stat(place).then(
        (stats) => stats.uid,
        () => null,
      );
      const mend = "Set HOME in the supervisor's file to a directory of that user: Supervisor's user= does not set it.";
      if (owner === null) return warning(`HOME is ${place || 'not set'}, which does not exist`, mend);
      if (owner !== uid) {
        return warning(
          `HOME is ${place}, which user ${uid} does not own: cloud credentials are looked for there`,
          mend,
        );
      }
    }
    return ok([...new Set(homes.map(({ place }) => place))].join(', '));
  },
};

/** A run writes its own files, and a worker checks that it can write a megabyte. */
const LITTLE_ROOM_BYTES = 200_000_000;

export const temporaryFiles: Check = {
  id: 'temporary-files',
  theme: 'machine',
  title: 'There is room for temporary files',
  docs: 'docs/operations.md#when-a-machine-cannot-work',
  async examine() {
    const place = tmpdir();
    const mend = 'Free some space there, or set TMPDIR to another directory.';
    const isWritable = await access(place, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!isWritable) return failed(`${place} cannot be written to`, mend);
    const { bavail, bsize } = await statfs(place);
    const free = bavail * bsize;
    const text = `${megabytes(free)} free in ${place}`;
    return free < LITTLE_ROOM_BYTES ? failed(text, mend) : ok(text);
  },
};

/** Type of a file system in memory, in statfs(2). */
const TMPFS = 0x01021994;

export const dataDirectory: Check = {
  id: 'data-directory',
  theme: 'machine',
  title: 'The data directory is private and lasts',
  docs: 'docs/operations.md#the-data-directory',
  async examine({ config: { dataDir, databaseUrl } }) {
    const stats = await stat(dataDir).catch(() => null);
    if (stats === null) return ok(`${dataDir} does not exist yet`);
    if (databaseUrl === null && (await statfs(dataDir)).type === TMPFS) {
      return failed(
        `${dataDir}, with the database, is in memory: a restart loses every run`,
        'Set LONGHAUL_DATA_DIR to a directory on a disk, or to a volume.',
      );
    }
    const others = stats.mode & 0o077;
    const key = await stat(path.join(dataDir, 'admin-key')).catch(() => null);
    if (key !== null && (key.mode & 0o077) !== 0) {
      return failed(
        `Other users can read ${dataDir}/admin-key`,
        `chmod 600 ${dataDir}/admin-key, and replace the key.`,
      );
    }
    const mode = (stats.mode & 0o777).toString(8);
    if (others !== 0) return warning(`Other users can enter ${dataDir} (mode ${mode})`, `chmod 700 ${dataDir}`);
    return ok(`${dataDir}, mode ${mode}`);
  },
};

/** Three quarters are for readers of streams (docs/operations.md, Open files). */
const FEW_FILES = 4_096;

export const openFiles: Check = {
  id: 'open-files',
  theme: 'machine',
  title: 'Processes may open enough files',
  docs: 'docs/operations.md#open-files',
  async examine({ findServices }) {
    if (process.platform !== 'linux') return skipped('The limit can be read only on Linux.');
    const services = await findServices();
    const pids = services.length > 0 ? services.map(({ pid }) => String(pid)) : ['self'];
    const texts = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/limits`, 'utf8').catch(() => '')));
    const limits = texts.flatMap((text) => /^Max open files\s+(\d+)/m.exec(text)?.[1] ?? []).map(Number);
    if (limits.length === 0) return skipped('The limits of the processes cannot be read by this user.');
    const least = Math.min(...limits);
    if (least >= FEW_FILES) return ok(`${least} files`);
    return warning(
      `${least} files: ${Math.floor((least * 3) / 4)} connections at once`,
      `Raise it to ${FEW_FILES} or more (LimitNOFILE= in systemd, minfds= in Supervisor).`,
    );
  },
};
