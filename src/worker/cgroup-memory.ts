import { readFileSync } from 'node:fs';
import path from 'node:path';
import { findCgroupDirectories, type CgroupDirectory } from '../core/cgroup-directories.ts';

/** A memory limit that a control group sets for this process and its relatives. */
export interface CgroupLimit {
  readonly limitBytes: number;
  /** Memory that the group uses, without what the kernel can reclaim at once. */
  readonly usedBytes: number;
}

/**
 * Reads the limits of all control groups of this process, ancestors included; every one of them applies. Groups without
 * a limit, or that cannot be read, are left out.
 */
export function readCgroupLimits(): CgroupLimit[] {
  // Found once: a process is put into its group before it starts.
  directories ??= findCgroupDirectories({ cgroup: readText('/proc/self/cgroup'), mountInfo: readText(MOUNT_INFO) });
  return directories.flatMap(({ version, directory }) => {
    const read = (name: string) => readText(path.join(directory, name));
    const files =
      version === 2
        ? { limit: 'memory.max', usage: 'memory.current' }
        : { limit: 'memory.limit_in_bytes', usage: 'memory.usage_in_bytes' };
    const limitBytes = parseLimit(read(files.limit));
    if (limitBytes === null) return [];
    const usage = Number.parseInt(read(files.usage), 10);
    if (Number.isNaN(usage)) return [];
    return [{ limitBytes, usedBytes: Math.max(0, usage - parseInactiveFile({ version, stat: read('memory.stat') })) }];
  });
}

let directories: CgroupDirectory[] | undefined;

const MOUNT_INFO = '/proc/self/mountinfo';

/** A limit above this means no limit: version 1 writes the largest multiple of a page below 2^63. */
const ABSURD_LIMIT_BYTES = 2 ** 60;

/** Parses a limit in bytes. Returns null for `max`, for a value that means no limit, and for a missing file. */
export function parseLimit(text: string): number | null {
  const limit = Number(text.trim() === '' ? 'none' : text.trim());
  return Number.isFinite(limit) && limit < ABSURD_LIMIT_BYTES ? limit : null;
}

/**
 * Parses the bytes of files that were not used lately from a group's `memory.stat`; the kernel reclaims them before an
 * allocation fails. Version 1 counts the groups below under a separate name.
 */
export function parseInactiveFile({ version, stat }: { readonly version: 1 | 2; readonly stat: string }): number {
  const pattern = version === 2 ? /^inactive_file (\d+)$/m : /^total_inactive_file (\d+)$/m;
  return Number(pattern.exec(stat)?.[1] ?? 0);
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // A missing or unreadable file gives no information.
  }
}
