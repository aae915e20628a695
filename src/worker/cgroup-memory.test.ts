import { describe, expect, it } from 'vitest';
import { findCgroupDirectories } from '../core/cgroup-directories.ts';
import { parseInactiveFile, parseLimit } from './cgroup-memory.ts';

const V2_MOUNT = '36 25 0:31 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';
const V1_MOUNTS = [
  '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
  '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu',
  '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
  '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
].join('\n');

describe('the control groups above a process', () => {
  it('are all groups up to the root of version 2', () => {
    const cgroup = '0::/system.slice/longhaul.service\n';
    expect(findCgroupDirectories({ cgroup, mountInfo: V2_MOUNT })).toEqual([
      { version: 2, directory: '/sys/fs/cgroup/system.slice/longhaul.service' },
      { version: 2, directory: '/sys/fs/cgroup/system.slice' },
      { version: 2, directory: '/sys/fs/cgroup' },
    ]);
  });

  it('are only the root in a container that has its own namespace', () => {
    expect(findCgroupDirectories({ cgroup: '0::/\n', mountInfo: V2_MOUNT })).toEqual([
      { version: 2, directory: '/sys/fs/cgroup' },
    ]);
  });

  it('are found in the memory hierarchy of version 1, beside an empty one of version 2', () => {
    const cgroup = '4:memory:/docker/abc\n1:cpu:/docker/abc\n0::/\n';
    expect(findCgroupDirectories({ cgroup, mountInfo: V1_MOUNTS })).toEqual([
      { version: 1, directory: '/sys/fs/cgroup/memory/docker/abc' },
      { version: 1, directory: '/sys/fs/cgroup/memory/docker' },
      { version: 1, directory: '/sys/fs/cgroup/memory' },
      { version: 2, directory: '/sys/fs/cgroup/unified' },
    ]);
  });

  it('are found when a container sees only its own part of the hierarchy', () => {
    const mountInfo = '35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory';
    expect(findCgroupDirectories({ cgroup: '4:memory:/docker/abc\n', mountInfo })).toEqual([
      { version: 1, directory: '/sys/fs/cgroup/memory' },
    ]);
    expect(findCgroupDirectories({ cgroup: '4:memory:/docker/abc/worker\n', mountInfo })).toEqual([
      { version: 1, directory: '/sys/fs/cgroup/memory/worker' },
      { version: 1, directory: '/sys/fs/cgroup/memory' },
    ]);
  });

  it('are the mounted root when the process is in a group outside of it', () => {
    expect(findCgroupDirectories({ cgroup: '0::/../other\n', mountInfo: V2_MOUNT })).toEqual([
      { version: 2, directory: '/sys/fs/cgroup/other' },
      { version: 2, directory: '/sys/fs/cgroup' },
    ]);
    const mountInfo = '35 31 0:32 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw';
    expect(findCgroupDirectories({ cgroup: '0::/elsewhere\n', mountInfo })).toEqual([
      { version: 2, directory: '/sys/fs/cgroup' },
    ]);
  });

  it('are none without control groups', () => {
    expect(findCgroupDirectories({ cgroup: '', mountInfo: '' })).toEqual([]);
    expect(findCgroupDirectories({ cgroup: '0::/a\n', mountInfo: '' })).toEqual([]);
  });
});

describe('a limit', () => {
  it('is a number of bytes, and null for max, an absurd value or a missing file', () => {
    expect(parseLimit('1073741824\n')).toBe(1_073_741_824);
    expect(parseLimit('0\n')).toBe(0);
    expect(parseLimit('max\n')).toBeNull();
    expect(parseLimit('9223372036854771712\n')).toBeNull();
    expect(parseLimit('')).toBeNull();
  });
});

describe('the memory that the kernel can reclaim', () => {
  it('is that of inactive files, in version 1 including the groups below', () => {
    const stat = 'cache 500\ninactive_file 10\nactive_file 20\ntotal_inactive_file 300\n';
    expect(parseInactiveFile({ version: 2, stat })).toBe(10);
    expect(parseInactiveFile({ version: 1, stat })).toBe(300);
    expect(parseInactiveFile({ version: 2, stat: '' })).toBe(0);
  });
});
