import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

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

/** This process, named so that no other process ever has the same name: `PID:STARTTIME@PLACE`. */
export function ownIdentity(): string {
  return `${process.pid}:${readStartTime(process.pid) ?? 'unknown'}@${ownPlace()}`;
}

/**
 * Whether the process that `identity` names is still there. `elsewhere`: it belongs to another machine,
 * container or boot, whose process ids say nothing here, or is named in a way that this version cannot read.
 * A process that reuses an id is another one.
 */
export function findPresence(identity: string): 'alive' | 'gone' | 'elsewhere' {
  const [, pid, startTime, place] = /^(\d+):([^@]+)@(.+)$/.exec(identity) ?? [];
  if (place !== ownPlace()) return 'elsewhere';
  return readStartTime(Number(pid)) === startTime ? 'alive' : 'gone';
}

/** Where a process id means what it means here: this boot of this machine, and this PID namespace. */
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
