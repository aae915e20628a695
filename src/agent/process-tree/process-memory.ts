import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { repeat } from '../../core/timers.ts';

/** A process and everything that belongs to it. */
export interface ProcessTree {
  readonly rootPid: number;
  /** `LONGHAUL_ATTEMPT` of the processes it starts: finds processes that have left the tree. */
  readonly mark: string;
}

export interface ProcessMemory {
  readonly pid: number;
  readonly parentPid: number;
  readonly residentBytes: number;
  /** Reads `LONGHAUL_ATTEMPT` from its environment; null when there is none. Called only when needed. */
  readonly readMark: () => string | null;
}

const SAMPLE_EVERY_MS = 1_000;
const watched = new Map<ProcessTree, (bytes: number) => void>();
let timer: NodeJS.Timeout | undefined;
let isSampling = false;

/**
 * Calls `onSample` about once a second with the resident memory of a process tree, in bytes, until the returned
 * function is called. Pages that processes share, such as those of an executable that runs twice, count for each. A
 * single reading of the process table serves all trees, and takes about 25 µs for each process of the machine.
 */
export function watchMemory(tree: ProcessTree, onSample: (bytes: number) => void): () => void {
  const key = { ...tree };
  watched.set(key, onSample);
  timer ??= repeat(SAMPLE_EVERY_MS, sample);
  return () => {
    watched.delete(key);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

async function sample(): Promise<void> {
  if (isSampling) return; // Do not slow down a slow machine further.
  isSampling = true;
  try {
    const processes = process.platform === 'linux' ? readProc() : await readPs();
    const sums = sumTrees(processes, [...watched.keys()]);
    for (const [tree, bytes] of sums) watched.get(tree)?.(bytes);
  } catch {
    // The table could not be read this time; the next sample follows in a second.
  } finally {
    isSampling = false;
  }
}

/** Sums the memory of each tree. A process counts for the nearest root above it, or else for the tree with its mark. */
export function sumTrees<T extends ProcessTree>(
  processes: readonly ProcessMemory[],
  trees: readonly T[],
): Map<T, number> {
  const byPid = new Map(processes.map((entry) => [entry.pid, entry]));
  const byRoot = new Map(trees.map((tree) => [tree.rootPid, tree]));
  const byMark = new Map(trees.map((tree) => [tree.mark, tree]));
  const owners = new Map<number, T | null>();

  function findOwner(entry: ProcessMemory): T | null {
    const known = owners.get(entry.pid);
    if (known !== undefined) return known;
    owners.set(entry.pid, null); // A table that is read while it changes may contain a cycle.
    const parent = byPid.get(entry.parentPid);
    const owner = byRoot.get(entry.pid) ?? (parent && findOwner(parent)) ?? byMark.get(entry.readMark() ?? '') ?? null;
    owners.set(entry.pid, owner);
    return owner;
  }

  const sums = new Map<T, number>();
  for (const entry of processes) {
    const owner = entry.residentBytes === 0 ? null : findOwner(entry);
    if (owner !== null) sums.set(owner, (sums.get(owner) ?? 0) + entry.residentBytes);
  }
  return sums;
}

/**
 * Reads the highest memory that a single process has ever used, from the kernel; null when the kernel does not report
 * it.
 */
export function readPeakMemory(pid: number | null): number | null {
  return readStatus(pid, /^VmHWM:\s+(\d+) kB$/m);
}

/** Reads the memory that a single process uses now; null when the kernel does not report it. */
export function readResidentMemory(pid: number | null): number | null {
  return readStatus(pid, /^VmRSS:\s+(\d+) kB$/m);
}

function readStatus(pid: number | null, line: RegExp): number | null {
  try {
    const kilobytes = line.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return kilobytes === undefined ? null : Number(kilobytes) * 1_024;
  } catch {
    return null;
  }
}

/** A mark is read once in a process's life: by pid and start time. */
let marks = new Map<string, string | null>();

/**
 * Reads the process table. Synchronous: the kernel creates these files as they are read, and an asynchronous read of
 * each takes 2.5 times as long.
 */
function readProc(): ProcessMemory[] {
  const known = marks;
  marks = new Map();
  return readdirSync('/proc').flatMap((name): ProcessMemory[] => {
    const pid = Number(name);
    if (!Number.isInteger(pid)) return [];
    const stat = readText(`/proc/${pid}/stat`);
    // proc(5): after the name in parentheses come state, ppid, …; starttime is field 22, rss in pages field 24.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const key = `${pid}:${fields[19]}`;
    const mark = known.get(key);
    if (mark !== undefined) marks.set(key, mark);
    const readMark = () => {
      if (!marks.has(key)) {
        const environment = readText(`/proc/${pid}/environ`);
        marks.set(key, /(?:^|\0)LONGHAUL_ATTEMPT=([^\0]*)/.exec(environment)?.[1] ?? null);
      }
      return marks.get(key) ?? null;
    };
    return [{ pid, parentPid: Number(fields[1]), residentBytes: Number(fields[21] ?? 0) * pageBytes(), readMark }];
  });
}

let pageSize: number | undefined;

function pageBytes(): number {
  pageSize ??= Number(/^KernelPageSize:\s+(\d+) kB$/m.exec(readText('/proc/self/smaps'))?.[1] ?? 4) * 1_024;
  return pageSize;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // The process has ended, or belongs to another user.
  }
}

/** Reads processes on macOS, where trees are found by descent alone. */
async function readPs(): Promise<ProcessMemory[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,rss='], { maxBuffer: 16 * 1024 * 1024 });
  return parseMemoryRows(stdout);
}

/** Parses the rows of `ps -o pid=,ppid=,rss=`, which give memory in KiB. */
export function parseMemoryRows(output: string): ProcessMemory[] {
  return output.split('\n').flatMap((line): ProcessMemory[] => {
    const [, pid, parentPid, kilobytes] = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(line) ?? [];
    if (pid === undefined) return [];
    return [
      {
        pid: Number(pid),
        parentPid: Number(parentPid),
        residentBytes: Number(kilobytes) * 1_024,
        readMark: () => null,
      },
    ];
  });
}
