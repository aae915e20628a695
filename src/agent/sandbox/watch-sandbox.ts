import { execFile } from 'node:child_process';
import { readdirSync, statfsSync, statSync } from 'node:fs';
import type { Sandbox } from '../../config/config.ts';
import { inBackground } from '../../core/guard.ts';
import { repeat } from '../../core/timers.ts';
import type { Breach } from '../outcome/agent-outcome.ts';

/** Between two looks at the number of processes. */
const LOOK_EVERY_MS = 250;
/** Between two counts of open files, and between two measurements of the disk at the earliest. */
const COUNT_EVERY_MS = 2_000;
/** A measurement of the disk takes at most this share of the time, so that a large directory slows nothing down. */
const MEASURING_SHARE = 0.05;
const MEASURING_TIMEOUT_MS = 30_000;
/** A file takes up its space and an entry in the disk's table of files. */
const BYTES_PER_FILE = 1_024;
/** Between two measurements at most: others may have made as much room on the disk as the run has taken. */
const MEASURE_EVERY_MS = 15_000;

interface WatchOptions {
  readonly limits: Pick<Sandbox, 'pids' | 'openFiles' | 'diskMb'>;
  /** Returns the pid of the first process in the sandbox, as seen from here; null when it has ended. */
  readonly firstPid: () => number | null;
  /** Directories in which the processes write, on whatever disks. */
  readonly directories: readonly string[];
  /** Returns the limit that the kernel has held, or null. */
  readonly findBreach: () => Breach | null;
  readonly onBreach: (breach: Breach) => void;
}

/**
 * Watches the limits of a sandbox from outside, until the returned function is called. Its processes are those in its
 * `/proc`, which the kernel shows under the first of them.
 */
export function watchSandbox({ limits, firstPid, directories, findBreach, onBreach }: WatchOptions): () => void {
  const disk = watchDisk(directories);
  let countedAt = -Infinity;
  const timer = repeat(LOOK_EVERY_MS, () => {
    const held = findBreach();
    if (held !== null) return onBreach(held);
    const pid = firstPid();
    if (pid === null) return;
    const proc = `/proc/${pid}/root/proc`;
    const tasks = countTasks(proc);
    if (tasks >= limits.pids) {
      const detail = `The run had ${tasks} processes and threads at once, of at most ${limits.pids}`;
      return onBreach({ code: 'processes_exceeded', detail });
    }
    if (performance.now() - countedAt < COUNT_EVERY_MS) return;
    countedAt = performance.now();
    const files = countOpenFiles(proc);
    if (files.open >= limits.openFiles) {
      const detail = `The run had ${files.open} files open at once, of at most ${limits.openFiles}`;
      return onBreach({ code: 'open_files_exceeded', detail });
    }
    const writtenMb = Math.round((disk.written() + files.unlinkedBytes) / 1_000_000);
    if (writtenMb >= limits.diskMb) {
      const detail = `The run wrote ${writtenMb} MB to its workspace and temporary files, of at most ${limits.diskMb} MB`;
      return onBreach({ code: 'disk_exceeded', detail });
    }
  });
  return () => clearInterval(timer);
}

/** Lists the processes of a sandbox; empty when it has just ended. */
function listPids(proc: string): string[] {
  return attemptTo(() => readdirSync(proc).filter((name) => /^\d+$/.test(name)), []);
}

/** A process has a directory for each of its threads. */
function countTasks(proc: string): number {
  return listPids(proc).reduce(
    (sum, pid) => sum + attemptTo(() => Math.max(1, statSync(`${proc}/${pid}/task`).nlink - 2), 0),
    0,
  );
}

/** Counts the open files, and what the unlinked ones take up: no directory has them, and some are in memory. */
function countOpenFiles(proc: string): { open: number; unlinkedBytes: number } {
  const unlinked = new Map<string, number>();
  let open = 0;
  for (const pid of listPids(proc)) {
    const fds = attemptTo(() => readdirSync(`${proc}/${pid}/fd`), []);
    open += fds.length;
    for (const fd of fds) {
      const stats = attemptTo(() => statSync(`${proc}/${pid}/fd/${fd}`), null);
      if (stats?.isFile() === true && stats.nlink === 0) unlinked.set(`${stats.dev}:${stats.ino}`, stats.blocks * 512);
    }
  }
  return { open, unlinkedBytes: [...unlinked.values()].reduce((sum, bytes) => sum + bytes, 0) };
}

/** Processes end while they are looked at. */
function attemptTo<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}

interface DiskWatch {
  /** Returns the bytes written since the watch began, as far as they are known, and measures again if it is time. */
  written(): number;
}

/**
 * Measures with `du` how much directories have grown. Their content is read only when their disks have less free space
 * than at the last measurement, which the system knows at once.
 */
function watchDisk(directories: readonly string[]): DiskWatch {
  let atStart: number | null = null;
  let grown = 0;
  let freeAtLast = Infinity;
  let nextAt = -Infinity;
  let lastAt = -Infinity;
  let isMeasuring = false;

  async function measure(free: number): Promise<void> {
    isMeasuring = true;
    const startedAt = performance.now();
    const bytes = await readSize(directories);
    // A measurement that took too long says nothing, not even that there is little.
    if (bytes !== null) {
      atStart ??= bytes;
      grown = Math.max(0, bytes - atStart);
    }
    freeAtLast = free;
    lastAt = performance.now();
    nextAt = lastAt + (lastAt - startedAt) / MEASURING_SHARE;
    isMeasuring = false;
  }

  return {
    written() {
      const free = readFreeBytes(directories);
      const now = performance.now();
      const isDue = free < freeAtLast || now - lastAt >= MEASURE_EVERY_MS;
      if (isDue && !isMeasuring && now >= nextAt) inBackground(() => measure(free));
      return grown;
    },
  };
}

function readFreeBytes(directories: readonly string[]): number {
  return directories.reduce(
    (sum, directory) =>
      sum +
      attemptTo(() => {
        const { bavail, bsize } = statfsSync(directory);
        return bavail * bsize;
      }, 0),
    0,
  );
}

/**
 * Reads the size of directories, or null when that takes too long. Their owner may have closed some to itself: in a new user
 * namespace the worker's user is root over its own files, and reads them all the same.
 */
async function readSize(directories: readonly string[]): Promise<number | null> {
  const kilobytes = await runDu(['-sxk', '--', ...directories]);
  // A disk has a limited number of files, also of empty ones.
  const files = await runDu(['-sx', '--inodes', '--', ...directories]);
  return kilobytes === null || files === null ? null : kilobytes * 1_024 + files * BYTES_PER_FILE;
}

/** Runs `du` and adds up its figures; null when it was cut. Files that vanish meanwhile do not matter. */
function runDu(args: readonly string[]): Promise<number | null> {
  const isRoot = process.getuid?.() === 0;
  const [program = '', ...all] = [...(isRoot ? [] : ['unshare', '--user', '--map-root-user', '--']), 'du', ...args];
  return new Promise((resolve) => {
    execFile(program, all, { timeout: MEASURING_TIMEOUT_MS }, (error, stdout) => {
      if (error?.killed === true) return resolve(null);
      resolve(stdout.split('\n').reduce((sum, line) => sum + Number.parseInt(line || '0', 10), 0));
    });
  });
}
