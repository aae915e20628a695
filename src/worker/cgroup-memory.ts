import { readFileSync } from 'node:fs';
import path from 'node:path';

/** A memory limit that a control group sets for this process and its relatives. */
export interface CgroupLimit {
  readonly limitBytes: number;
  /** Memory that the group uses, without what the kernel can reclaim at once. */
  readonly usedBytes: number;
}

/** A control group above this process, and the version of its file format. */
export interface CgroupDirectory {
  readonly version: 1 | 2;
  readonly directory: string;
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

/**
 * Finds the directories of the groups that may limit this process's memory, the innermost first, from the texts of
 * `/proc/self/cgroup` and `/proc/self/mountinfo`. A container may see only a part of the hierarchy: the mount then has
 * a root other than `/`, and the group's path starts with that root.
 */
export function findCgroupDirectories(texts: {
  readonly cgroup: string;
  readonly mountInfo: string;
}): CgroupDirectory[] {
  const mounts = parseMounts(texts.mountInfo);
  return parseGroups(texts.cgroup).flatMap(({ version, group }) => {
    const mount = mounts.find((one) => one.version === version);
    if (mount === undefined) return [];
    const relative = path.posix.relative(mount.root, group);
    return ancestors(relative).map((name) => ({ version, directory: path.posix.join(mount.mountPoint, name) }));
  });
}

interface Group {
  readonly version: 1 | 2;
  readonly group: string;
}

/**
 * Parses the lines of `/proc/self/cgroup` (cgroups(7)) that may limit memory. The line of version 2 names no
 * controllers.
 */
function parseGroups(cgroup: string): Group[] {
  return cgroup.split('\n').flatMap((line): Group[] => {
    const [, controllers = '', group] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (group === undefined) return [];
    if (controllers === '') return [{ version: 2, group }];
    return controllers.split(',').includes('memory') ? [{ version: 1, group }] : [];
  });
}

interface Mount {
  readonly version: 1 | 2;
  readonly root: string;
  readonly mountPoint: string;
}

/** Parses the lines of `mountinfo` (proc_pid_mountinfo(5)) that mount a hierarchy with a memory controller. */
function parseMounts(mountInfo: string): Mount[] {
  return mountInfo.split('\n').flatMap((line): Mount[] => {
    const [left = '', right = ''] = line.split(' - ');
    const [, , , root = '/', mountPoint = ''] = left.split(' ');
    const [type, , options = ''] = right.split(' ');
    if (type === 'cgroup2') return [{ version: 2, root, mountPoint }];
    return type === 'cgroup' && options.split(',').includes('memory') ? [{ version: 1, root, mountPoint }] : [];
  });
}

/** Turns `a/b` into `a/b`, `a`, `.`. For a group outside the mount, only the mount's root can be read. */
function ancestors(relative: string): string[] {
  if (['', '.', '..'].includes(relative) || relative.startsWith('../')) return ['.'];
  return [relative, ...ancestors(path.posix.dirname(relative))];
}

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
