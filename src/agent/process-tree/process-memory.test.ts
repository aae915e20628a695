import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { parseMemoryRows, readPeakMemory, sumTrees, watchMemory, type ProcessMemory } from './process-memory.ts';

function entry(pid: number, parentPid: number, megabytes: number, mark: string | null = null): ProcessMemory {
  return { pid, parentPid, residentBytes: megabytes * 1_000_000, readMark: () => mark };
}

test('a tree counts its root, its descendants, and processes elsewhere with its mark', () => {
  const trees = [
    { rootPid: 10, mark: 'a' },
    { rootPid: 20, mark: 'b' },
  ];
  const processes = [
    entry(1, 0, 1),
    entry(10, 1, 100, 'a'),
    entry(11, 10, 10),
    entry(12, 11, 1),
    // Has left its tree, and has a child that has cleared its environment.
    entry(13, 1, 30, 'a'),
    entry(14, 13, 3),
    entry(20, 1, 200, 'b'),
    entry(30, 1, 5_000, 'c'),
  ];
  expect([...sumTrees(processes, trees).values()]).toEqual([144_000_000, 200_000_000]);
});

test('a table that contains a cycle is summed anyway', () => {
  const tree = { rootPid: 3, mark: 'a' };
  expect(sumTrees([entry(1, 2, 1), entry(2, 1, 1), entry(3, 2, 5)], [tree]).get(tree)).toBe(5_000_000);
});

test('the rows of ps are read, and other lines are skipped', () => {
  expect(parseMemoryRows('  1     0  1024\n 42 1 2048  \nUSAGE\n\n')).toMatchObject([
    { pid: 1, parentPid: 0, residentBytes: 1_048_576 },
    { pid: 42, parentPid: 1, residentBytes: 2_097_152 },
  ]);
});

test('the memory of a real process is measured', async () => {
  const script = 'globalThis.held = Buffer.alloc(200e6, 1); console.log("held"); setInterval(() => {}, 1e6)';
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  try {
    await once(child.stdout, 'data');
    const seen = Promise.withResolvers<number>();
    const stop = watchMemory({ rootPid: child.pid ?? 0, mark: 'none' }, seen.resolve);
    expect(await seen.promise).toBeGreaterThan(200_000_000);
    expect(await seen.promise).toBeLessThan(400_000_000);
    stop();
    if (process.platform === 'linux') expect(readPeakMemory(child.pid ?? 0)).toBeGreaterThan(200_000_000);
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
});

test('nothing is known of a process that has ended', () => {
  expect(readPeakMemory(null)).toBeNull();
  expect(readPeakMemory(2 ** 22 + 1)).toBeNull();
});
