import { setTimeout as delay } from 'node:timers/promises';
import { readStartTime } from '../../core/process-identity.ts';
import { listProcesses, type ProcessEntry } from './process-table.ts';

/** The kernel ends a killed process within milliseconds, unless it waits for a disk or the machine is very busy. */
const PROOF_TIMEOUT_MS = 5_000;
const CHECK_EVERY_MS = 10;

interface KillReport {
  /** Number of processes that received SIGKILL. */
  readonly killed: number;
  /** Processes that still existed at the end of the time for the proof. Empty when the end of all is proven. */
  readonly survivors: readonly ProcessEntry[];
}

/**
 * Ends every process of an attempt, whatever session or process group it has moved to, and proves it. Processes are
 * found by the mark in their environment, which children inherit, and by descent from a marked process. A process that
 * has both cleared its environment and become an orphan is not found: only a PID namespace holds it. It is the last step
 * of `terminate` (`process/terminate.ts`).
 */
export function killAttempt(attemptId: string): Promise<KillReport> {
  return killProcesses((entry) => entry.attemptId === attemptId);
}

/**
 * Ends every process that `isTarget` selects, with its descendants, until none is left. Never ends this process itself,
 * or a pid in `spared`.
 */
export async function killProcesses(
  isTarget: (entry: ProcessEntry) => boolean,
  spared: readonly number[] = [],
): Promise<KillReport> {
  const killed = new Set<string>();
  const deadline = performance.now() + PROOF_TIMEOUT_MS;
  for (;;) {
    // Listed again each time: a process may have forked between the list and the kill.
    const found = await findTree(isTarget);
    const survivors = found.filter(({ pid }) => !spared.includes(pid));
    if (survivors.length === 0 || performance.now() > deadline) return { killed: killed.size, survivors };
    for (const entry of survivors) {
      if (killExactly(entry)) killed.add(`${entry.pid}:${entry.startTime}`);
    }
    await delay(CHECK_EVERY_MS);
  }
}

/** Lists every process that `isTarget` selects, with its descendants, except this process itself. */
export async function findTree(isTarget: (entry: ProcessEntry) => boolean): Promise<ProcessEntry[]> {
  return withDescendants(await listProcesses(), isTarget);
}

function withDescendants(all: readonly ProcessEntry[], isTarget: (entry: ProcessEntry) => boolean): ProcessEntry[] {
  const childrenOf = Map.groupBy(all, (entry) => entry.parentPid);
  const found = new Map<number, ProcessEntry>();
  const pending = all.filter(isTarget);
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    if (found.has(entry.pid) || entry.pid === process.pid) continue;
    found.set(entry.pid, entry);
    pending.push(...(childrenOf.get(entry.pid) ?? []));
  }
  return [...found.values()];
}

/** Kills this process, and no other process that has received its pid since. */
function killExactly({ pid, startTime }: ProcessEntry): boolean {
  if (readStartTime(pid) !== startTime) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}
