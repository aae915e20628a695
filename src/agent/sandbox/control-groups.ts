import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findCgroupDirectories } from '../../core/cgroup-directories.ts';
import type { Breach } from '../outcome/agent-outcome.ts';

/** A controller of version 2 with the file of its limit. https://docs.kernel.org/admin-guide/cgroup-v2.html */
const LIMIT_FILES = { pids: 'pids.max', memory: 'memory.max', cpu: 'cpu.max' } as const;

/** A group is named after its worker's pid and its process. */
const PREFIX = /^longhaul-(\d+)-/;

export type Controller = keyof typeof LIMIT_FILES;

/** The limits of one sandbox that the kernel holds for all its processes together. */
export interface GroupLimits {
  readonly pids: number;
  /** Null for no limit. */
  readonly memoryBytes: number | null;
  /** Processors; null for no limit. */
  readonly cpus: number | null;
}

/** The control groups that were delegated to this worker. */
export interface ControlGroups {
  /** The limits that they hold. */
  readonly controllers: readonly Controller[];
  /** Makes a group. Rejects when the kernel refuses it. */
  open(name: string, limits: GroupLimits): Promise<ControlGroup>;
}

export interface ControlGroup {
  /** The command, with its arguments, that starts another command in the group. */
  readonly enter: readonly string[];
  /** Returns the limit at which the kernel refused something or ended a process; null when it did not. */
  findBreach(): Breach | null;
  /** Removes the group. Call it after the end of its processes. Never rejects. */
  close(): Promise<void>;
}

let found: Promise<ControlGroups | null> | undefined;

/**
 * Finds the control groups that are delegated to this worker: the root of the hierarchy that it sees, as in a container, or the
 * group of its systemd service with `Delegate=yes`. Null when there are none.
 */
export function findControlGroups(): Promise<ControlGroups | null> {
  found ??= delegate().catch(() => null);
  return found;
}

async function delegate(): Promise<ControlGroups | null> {
  const cgroup = readFileSync('/proc/self/cgroup', 'latin1');
  const directories = findCgroupDirectories({ cgroup, mountInfo: readFileSync('/proc/self/mountinfo', 'latin1') });
  const own = directories.find(({ version }) => version === 2)?.directory;
  if (own === undefined || !isDelegated(own, /^0::(.*)$/m.exec(cgroup)?.[1] ?? '')) return null;
  await removeEmpty(own);
  const controllers = await enable(own, Object.keys(LIMIT_FILES) as Controller[]);
  return controllers.length === 0
    ? null
    : { controllers, open: (name, limits) => openControlGroup(own, { name, limits, controllers }) };
}

/** Removes the groups of workers that were killed. */
async function removeEmpty(own: string): Promise<void> {
  const left = (await readdir(own)).filter((name) => {
    const pid = PREFIX.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
  await Promise.all(left.map((name) => rmdir(path.join(own, name)).catch(() => {}))); // Some may have processes.
}

/** A group that can be written is not always ours: systemd alone manages those it has not delegated. */
function isDelegated(directory: string, name: string): boolean {
  try {
    for (const file of ['cgroup.procs', 'cgroup.subtree_control'])
      accessSync(path.join(directory, file), constants.W_OK);
  } catch {
    return false;
  }
  const uid = process.getuid?.();
  return name === '/' || (name.endsWith('.service') && uid !== 0 && statSync(directory).uid === uid);
}

/**
 * Turns on the controllers for groups in `own`. Only a group without processes can have such groups, except the root of
 * the hierarchy: the processes of this service move to a group inside.
 */
async function enable(own: string, wanted: readonly Controller[]): Promise<Controller[]> {
  const available = new Set((await readFile(path.join(own, 'cgroup.controllers'), 'latin1')).trim().split(' '));
  const controllers = wanted.filter((controller) => available.has(controller));
  const turnOn = () =>
    writeFile(path.join(own, 'cgroup.subtree_control'), controllers.map((controller) => `+${controller}`).join(' '));
  try {
    await turnOn();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    const inner = path.join(own, 'longhaul');
    await mkdir(inner, { recursive: true });
    const pids = (await readFile(path.join(own, 'cgroup.procs'), 'latin1')).trim().split('\n').filter(Boolean);
    for (const pid of pids) await writeFile(path.join(inner, 'cgroup.procs'), pid).catch(() => {}); // Some may have ended.
    await turnOn();
  }
  return controllers;
}

/** Writes the shell's own pid to the group, and becomes the command. */
const ENTER = 'echo 0 > "$1" && shift && exec "$@"';

interface GroupOptions {
  readonly name: string;
  readonly limits: GroupLimits;
  readonly controllers: readonly Controller[];
}

/** Makes a group in `own`, with the limits of the given controllers. */
export async function openControlGroup(
  own: string,
  { name, limits, controllers }: GroupOptions,
): Promise<ControlGroup> {
  const directory = path.join(own, `longhaul-${process.pid}-${name}`);
  await mkdir(directory);
  const { pids, memoryBytes, cpus } = limits;
  const values: Record<Controller, string | null> = {
    pids: String(pids),
    memory: memoryBytes === null ? null : String(memoryBytes),
    cpu: cpus === null ? null : `${Math.round(cpus * 100_000)} 100000`,
  };
  for (const controller of controllers) {
    const value = values[controller];
    if (value !== null) await writeFile(path.join(directory, LIMIT_FILES[controller]), value);
  }
  const count = (file: string, event: string) =>
    Number(new RegExp(`^${event} (\\d+)$`, 'm').exec(readText(path.join(directory, file)))?.[1] ?? 0);
  return {
    enter: ['/bin/sh', '-c', ENTER, 'longhaul', path.join(directory, 'cgroup.procs')],
    findBreach() {
      if (count('pids.events', 'max') > 0) {
        const detail = `The run wanted more than its ${pids} processes and threads at once`;
        return { code: 'processes_exceeded', detail };
      }
      if (count('memory.events', 'oom_kill') === 0) return null;
      const detail = `The run's processes needed more than ${Math.round((memoryBytes ?? 0) / 1_000_000)} MB`;
      return { code: 'memory_exceeded', detail };
    },
    async close() {
      for (let tries = 0; tries < 20; tries++) {
        const isGone = await rmdir(directory).then(
          () => true,
          (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
        );
        if (isGone) return;
        await delay(50); // The kernel counts the last process a moment longer.
      }
    },
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return ''; // The group is gone, or has no such controller.
  }
}
