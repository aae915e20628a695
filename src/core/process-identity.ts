import { readFileSync } from 'node:fs';

/**
 * When a process started, as an opaque text that no later process with the same id has; null when there
 * is no such process. On Linux the start time in clock ticks since boot (proc(5), field 22 of `stat`);
 * elsewhere the id alone, so a reused one is taken for the old process.
 */
export function readStartTime(pid: number): string | null {
  if (process.platform !== 'linux') return isAlive(pid) ? 'unknown' : null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field, the name in parentheses, may itself hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' ? null : (startTime ?? null);
  } catch {
    return null;
  }
}

/** This process, named so that no other process ever has the same name: `PID:STARTTIME`. */
export function ownIdentity(): string {
  return `${process.pid}:${readStartTime(process.pid) ?? 'unknown'}`;
}

/** Whether the process that `identity` names is still alive. A process that reuses its id is another one. */
export function isIdentityAlive(identity: string): boolean {
  const [pid = '', startTime = ''] = identity.split(':');
  return /^\d+$/.test(pid) && readStartTime(Number(pid)) === startTime;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
