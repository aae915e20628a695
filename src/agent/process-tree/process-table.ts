import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { readStartTime } from '../../core/process-identity.ts';

/** A living process and the marks that Longhaul put in its environment. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parentPid: number;
  /** Identifies one process permanently together with `pid`: a pid alone is used again. */
  readonly startTime: string;
  /** `LONGHAUL_ATTEMPT`: the attempt it works for, or null. */
  readonly attemptId: string | null;
  /** `LONGHAUL_WORKER`: the identity of the worker that started it, or null. */
  readonly worker: string | null;
}

/**
 * Lists every living process of this machine, with the marks of the processes that we may read. A zombie has ended and
 * is left out.
 */
export function listProcesses(): Promise<ProcessEntry[]> {
  return process.platform === 'linux' ? listFromProc() : listFromPs();
}

async function listFromProc(): Promise<ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const entries = await Promise.all(pids.map(readFromProc));
  return entries.filter((entry) => entry !== null);
}

async function readFromProc(pid: number): Promise<ProcessEntry | null> {
  // Read first, so that the rest belongs to this process, or to a process that is not killed by mistake.
  const startTime = readStartTime(pid);
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
  const parentPid = /^PPid:\s+(\d+)$/m.exec(status)?.[1];
  if (startTime === null || parentPid === undefined) return null;
  // A process of another user cannot be read: it is not ours.
  const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
  return { pid, parentPid: Number(parentPid), startTime, ...parseMarks(environment.split('\0')) };
}

/** Reads processes on macOS, which shows the environment of own processes after their command (`-E`). */
async function listFromPs(): Promise<ProcessEntry[]> {
  const columns = ['-A', '-E', '-ww', '-o', 'pid=,ppid=,state=,command='];
  const { stdout } = await promisify(execFile)('ps', columns, { maxBuffer: 64 * 1024 * 1024 });
  return parsePs(stdout).flatMap((row): ProcessEntry[] => {
    const startTime = readStartTime(row.pid);
    return startTime === null ? [] : [{ ...row, startTime }];
  });
}

/** Parses the rows of `ps -o pid=,ppid=,state=,command=`, in which the environment follows the command. */
export function parsePs(output: string): Omit<ProcessEntry, 'startTime'>[] {
  return output.split('\n').flatMap((line) => {
    const [, pid, parentPid, state = 'Z', command = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (state.startsWith('Z')) return [];
    return [{ pid: Number(pid), parentPid: Number(parentPid), ...parseMarks(command.split(' ')) }];
  });
}

function parseMarks(variables: readonly string[]): Pick<ProcessEntry, 'attemptId' | 'worker'> {
  const find = (prefix: string) =>
    variables.find((variable) => variable.startsWith(prefix))?.slice(prefix.length) ?? null;
  return { attemptId: find('LONGHAUL_ATTEMPT='), worker: find('LONGHAUL_WORKER=') };
}
