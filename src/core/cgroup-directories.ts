import path from 'node:path';

/** A control group above this process, and the version of its file format. */
export interface CgroupDirectory {
  readonly version: 1 | 2;
  readonly directory: string;
}

/**
 * Finds the directories of the groups of this process that may limit its memory, the innermost first, from the texts of
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
