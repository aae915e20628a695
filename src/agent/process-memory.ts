import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { repeat } from '../core/timers.ts';

/** One process and everything that belongs to it. */
export interface ProcessTree {
  readonly rootPid: number;
  /** `LONGHAUL_ATTEMPT` of what it starts: finds what has left the tree. */
  readonly mark: string;
}

export interface ProcessMemory {
  readonly pid: number;
  readonly parentPid: number;
  readonly residentBytes: number;
  /** `LONGHAUL_ATTEMPT` in its environment; undefined or null when there is none. Asked only when it matters. */
  readonly readMark: () => string | null;
}

const SAMPLE_EVERY_MS = 1_000;
const watched = new Map<ProcessTree, (bytes: number) => void>();
let timer: NodeJS.Timeout | undefined;
let isSampling = false;

/**
 * Tells `onSample` about once a second how much memory a tree of processes holds resident together, in bytes, until
 * the returned function is called. Pages that processes share, such as those of an executable that runs twice, count
 * for each. One look at the process table serves all trees, and takes about 25 µs for each process of the machine.
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
  if (isSampling) return; // A slow machine is not made slower.
  isSampling = true;
  try {
    const processes = process.platform === 'linux' ? readProc() : await readPs();
    const sums = sumTrees(processes, [...watched.keys()]);
    for (const [tree, bytes] of sums) watched.get(tree)?.(bytes);
  } catch {
    // The table could not be read this time; the next look is a second away.
  } finally {
    isSampling = false;
  }
}

/** What each tree holds. A process counts for the nearest root above it, or else for the tree whose mark it bears. */
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
    owners.set(entry.pid, null); // A table that is read while it changes may show a circle.
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

/** The most that one process alone has ever held, from the kernel; null where it does not say. */
export function readPeakMemory(pid: number | null): number | null {
  try {
    const peakKb = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return peakKb === undefined ? null : Number(peakKb) * 1_024;
  } catch {
    return null;
  }
}

/** A mark is read once in a process's life: by pid and start time. */
let marks = new Map<string, string | null>();

/** Synchronous: these files are made by the kernel as they are read, and asking for each in turn costs 2.5 times as much. */
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
    return ''; // It has ended, or is another user's.
  }
}

/** macOS: by descent alone. */
async function readPs(): Promise<ProcessMemory[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,rss='], { maxBuffer: 16 * 1024 * 1024 });
  return parseMemoryRows(stdout);
}

/** The rows of `ps -o pid=,ppid=,rss=`, in which memory is in KiB. */
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
