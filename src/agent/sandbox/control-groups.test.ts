import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findCgroupDirectories } from '../../core/cgroup-directories.ts';
import { createId } from '../../core/ids.ts';
import { findControlGroups, openControlGroup } from './control-groups.ts';

const run = promisify(execFile);

/** The root of version 2, if this user may make groups there. It may have no controllers. */
const root = findRoot();
const groups = await findControlGroups();

function findRoot(): string | null {
  try {
    const texts = { cgroup: '0::/\n', mountInfo: readFileSync('/proc/self/mountinfo', 'latin1') };
    const [found] = findCgroupDirectories(texts);
    if (found?.version !== 2) return null;
    accessSync(path.join(found.directory, 'cgroup.procs'), constants.W_OK);
    return found.directory;
  } catch {
    return null;
  }
}

const LIMITS = { pids: 40, memoryBytes: 80_000_000, cpus: 0.5 };

describe.runIf(root !== null)('a control group', () => {
  it('has the processes that were started in it, and is removed after them', async () => {
    const name = createId();
    const group = await openControlGroup(root!, { name, limits: LIMITS, controllers: [] });
    const [command, ...args] = [...group.enter, '/bin/sh', '-c', 'grep ^0:: /proc/self/cgroup'];
    const { stdout } = await run(command, args);
    expect(stdout).toBe(`0::/longhaul-${process.pid}-${name}\n`);
    expect(group.findBreach()).toBeNull();
    await group.close();
    expect(existsSync(path.join(root!, `longhaul-${process.pid}-${name}`))).toBe(false);
    await group.close();
  });
});

describe.runIf(groups !== null)('the control groups of this worker', () => {
  async function inGroup(script: string) {
    const group = await groups!.open(createId(), LIMITS);
    const [command, ...args] = [...group.enter, '/bin/sh', '-c', script];
    const startedAt = performance.now();
    const stdout = await run(command, args).then(
      ({ stdout: out }) => out,
      () => 'failed',
    );
    const breach = group.findBreach();
    await group.close();
    return { stdout, breach, ms: performance.now() - startedAt };
  }

  it.runIf(groups?.controllers.includes('pids'))('hold the number of processes, also for root', async () => {
    const { breach } = await inGroup('for i in $(seq 60); do sleep 1 & done; wait');
    expect(breach).toEqual({
      code: 'processes_exceeded',
      detail: 'The run wanted more than its 40 processes and threads at once',
    });
  });

  it.runIf(groups?.controllers.includes('memory'))('hold the memory', async () => {
    const { stdout, breach } = await inGroup('head -c 200M /dev/zero | tail | wc -c');
    expect(stdout).not.toBe('209715200\n');
    expect(breach).toMatchObject({ code: 'memory_exceeded' });
  });

  it.runIf(groups?.controllers.includes('cpu'))('hold the share of the processors', async () => {
    const busy = 'i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done; cat /proc/self/stat > /dev/null; times';
    const { stdout, ms } = await inGroup(busy);
    // `times` prints the processor time of the shell first, such as `0m0.310000s`.
    const [, minutes = 0, seconds = 0] = /^(\d+)m([\d.]+)s/.exec(stdout) ?? [];
    const usedMs = (Number(minutes) * 60 + Number(seconds)) * 1_000;
    expect(usedMs / ms).toBeLessThan(0.75);
  });
});
