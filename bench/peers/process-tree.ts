import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** A living process. */
export interface TreeProcess {
  readonly pid: number;
  readonly parentPid: number;
  /** Distinguishes it from a later process with the same id. */
  readonly startTime: string;
  /** Processor seconds, with those of its children that have ended. */
  readonly cpuSeconds: number;
}

/** Linux counts processor time in hundredths of a second for every program (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;

/** Lists the processes with these ids and all their descendants. */
export async function readTree(roots: readonly number[]): Promise<TreeProcess[]> {
  const all = await listProcesses();
  const found = new Set<TreeProcess>();
  const collect = (pid: number): void => {
    for (const entry of all) {
      if (entry.pid === pid) found.add(entry);
      if (entry.parentPid === pid && !found.has(entry)) collect(entry.pid);
    }
  };
  for (const root of roots) collect(root);
  return [...found];
}

/** Adds up the processor seconds of trees. */
export async function readCpuSeconds(roots: readonly number[]): Promise<number> {
  return (await readTree(roots)).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}

/** Adds up the memory of trees in MiB: pages that several processes share count once in all (`Pss`). */
export async function readMemoryMib(roots: readonly number[]): Promise<number> {
  const tree = await readTree(roots);
  const sizes = await Promise.all(
    tree.map(async ({ pid }) => {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
      return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0);
    }),
  );
  return sizes.reduce((sum, kib) => sum + kib, 0) / 1_024;
}

/** Returns the processes of a list that are still alive. */
export async function findAlive(processes: readonly TreeProcess[]): Promise<TreeProcess[]> {
  const now = await Promise.all(processes.map(({ pid }) => readProcess(pid)));
  return processes.filter(({ startTime }, index) => now[index]?.startTime === startTime);
}

/** Returns when none of the processes is alive any more, or after `timeoutMs`. */
export async function untilGone(processes: readonly TreeProcess[], timeoutMs: number): Promise<void> {
  const endAt = performance.now() + timeoutMs;
  while ((await findAlive(processes)).length > 0 && performance.now() < endAt) await sleep(50);
}

/** Kills the processes that are still alive. */
export async function killAll(processes: readonly TreeProcess[]): Promise<void> {
  for (const { pid } of await findAlive(processes)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The process has ended meanwhile.
    }
  }
}

async function listProcesses(): Promise<TreeProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  return (await Promise.all(pids.map(readProcess))).filter((entry) => entry !== null);
}

async function readProcess(pid: number): Promise<TreeProcess | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null);
  if (stat === null) return null;
  // The second field, the name in parentheses, may itself contain spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  const ticks = fields.slice(11, 15).reduce((sum, value) => sum + Number(value), 0);
  return { pid, parentPid: Number(fields[1]), startTime: fields[19] ?? '', cpuSeconds: ticks / TICKS_PER_SECOND };
}
