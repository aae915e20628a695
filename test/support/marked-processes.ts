import { readlink } from 'node:fs/promises';
import { listProcesses, type ProcessEntry } from '../../src/agent/process-tree/process-table.ts';

/** Finds the live processes with the marks of attempts of these workers, given by pid. */
export async function findAttemptProcesses(workerPids: readonly number[]): Promise<ProcessEntry[]> {
  const pids = new Set(workerPids.map(String));
  return (await listProcesses()).filter(
    ({ attemptId, worker }) => attemptId !== null && worker !== null && pids.has(worker.split(':')[0] ?? ''),
  );
}

/** Finds those processes that run one of `executables`, without tools and helper processes. */
export async function findExecutableProcesses(
  workerPids: readonly number[],
  executables: readonly string[],
): Promise<ProcessEntry[]> {
  const entries = await findAttemptProcesses(workerPids);
  const files = await Promise.all(entries.map(({ pid }) => readlink(`/proc/${pid}/exe`).catch(() => '')));
  return entries.filter((_, index) => executables.includes(files[index] ?? ''));
}
