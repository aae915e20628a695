import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Returns when a process started, as an opaque text that no later process with the same id has; null when there is no
 * such process. On Linux this is the start time in clock ticks since boot (proc(5), field 22 of `stat`). Elsewhere it
 * only shows that the id is in use, so that a reused id is taken for the old process.
 */
export function readStartTime(pid: number): string | null {
  if (process.platform !== 'linux') return isAlive(pid) ? 'unknown' : null;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field, the name in parentheses, may itself contain spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' ? null : (startTime ?? null);
  } catch {
    return null;
  }
}

/** Returns a name of this process that no other process ever has: `PID:STARTTIME@PLACE`. */
export function ownIdentity(): string {
  return `${process.pid}:${readStartTime(process.pid) ?? 'unknown'}@${ownPlace()}`;
}

/**
 * Returns whether the process that `identity` names still exists. `elsewhere`: it belongs to another machine, container
 * or boot, whose process ids mean nothing here, or its name has a form that this version cannot read. A process that
 * reuses an id is a different process.
 */
export function findPresence(identity: string): 'alive' | 'gone' | 'elsewhere' {
  const [, pid, startTime, place] = /^(\d+):([^@]+)@(.+)$/.exec(identity) ?? [];
  if (place !== ownPlace()) return 'elsewhere';
  return readStartTime(Number(pid)) === startTime ? 'alive' : 'gone';
}

/** Returns the scope in which process ids are unique: this boot of this machine, and this PID namespace. */
function ownPlace(): string {
  place ??= readPlace();
  return place;
}

let place: string | undefined;

function readPlace(): string {
  if (process.platform !== 'linux') return hostname();
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return `${boot}.${readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')}`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
