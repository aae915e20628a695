import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import { readCgroupLimits, type CgroupLimit } from './cgroup-memory.ts';

/** The amount of memory that new processes may take. */
export interface FreeMemory {
  readonly freeBytes: number;
  /** The total: the machine's memory, or the tightest limit of a control group. */
  readonly limitBytes: number;
  /** The tightest limit of a control group, or null when none limits this process. */
  readonly cgroupLimitBytes: number | null;
}

/**
 * Reads how much memory new processes may take: the minimum of what the machine has available and what each control
 * group above this process (of a container, a systemd unit) leaves. Takes a tenth of a millisecond on Linux.
 *
 * `process.availableMemory()` is not used: it sees only the limit of the innermost group (measured, Node 24), and
 * counts every file that was ever read as used, so that a worker whose agents search a large repository seems full.
 */
export function readFreeMemory(): FreeMemory {
  return toFreeMemory({
    totalBytes: os.totalmem(),
    availableBytes: readAvailable(),
    limits: process.platform === 'linux' ? readCgroupLimits() : [],
  });
}

/** Computes the free memory under several limits, all of which apply. */
export function toFreeMemory(reading: {
  readonly totalBytes: number;
  readonly availableBytes: number;
  readonly limits: readonly CgroupLimit[];
}): FreeMemory {
  const { totalBytes, availableBytes, limits } = reading;
  const left = limits.map(({ limitBytes, usedBytes }) => limitBytes - usedBytes);
  const cgroupLimitBytes = limits.length === 0 ? null : Math.min(...limits.map(({ limitBytes }) => limitBytes));
  return {
    freeBytes: Math.max(0, Math.min(availableBytes, ...left)),
    limitBytes: Math.min(totalBytes, cgroupLimitBytes ?? totalBytes),
    cgroupLimitBytes,
  };
}

/**
 * Reads the bytes that the machine can give without swapping. Outside Linux and macOS this is the system's free memory.
 */
function readAvailable(): number {
  try {
    if (process.platform === 'linux') return parseMemAvailable(readFileSync('/proc/meminfo', 'latin1')) ?? os.freemem();
    // Node's free memory on macOS is the pages that were never used: a few hundred megabytes on any Mac that is awake.
    if (process.platform === 'darwin')
      return parseVmStat(execFileSync('vm_stat', { encoding: 'latin1' })) ?? os.freemem();
  } catch {
    // Not readable here: the system's own figure is used.
  }
  return os.freemem();
}

/** Parses `MemAvailable` of `/proc/meminfo` (proc_meminfo(5)), in bytes; null before Linux 3.14. */
export function parseMemAvailable(memInfo: string): number | null {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(memInfo)?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1_024;
}

/** Parses the pages of macOS's `vm_stat` that are free or were not used lately, in bytes. */
export function parseVmStat(output: string): number | null {
  const pageSize = /page size of (\d+) bytes/.exec(output)?.[1];
  if (pageSize === undefined) return null;
  const count = (name: string) => Number(new RegExp(`^Pages ${name}:\\s+(\\d+)\\.$`, 'm').exec(output)?.[1] ?? 0);
  return (count('free') + count('speculative') + count('inactive')) * Number(pageSize);
}
