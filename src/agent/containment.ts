import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { findKernelSurfaces } from './kernel-surfaces.ts';
import { toMountTable } from './mount-table.ts';

/**
 * What holds the processes of an attempt together, beside the mark in their environment.
 *
 * - `mount_namespace`: as `pid_namespace`, and in a mount namespace that hides files from them. They have no capability,
 *   and gain none, so that nothing from inside can undo either.
 * - `pid_namespace`: they live in a PID namespace of their own with its own `/proc`. The kernel ends all of them
 *   with the first, whatever they have done to get away, and they see no process but each other.
 * - `parent_death_signal`: the executable dies with its worker; its tools are found by their mark.
 * - `mark`: the mark alone.
 */
export interface Containment {
  readonly kind: 'mount_namespace' | 'pid_namespace' | 'parent_death_signal' | 'mark';
  /** Whether the end of the first process is the end of all. */
  readonly isNamespace: boolean;
  /** The command that starts another one so contained, with its arguments. */
  readonly wrapper: readonly string[];
  /** What gives up privileges before the command begins. In a mount namespace that is after the mounts were made. */
  readonly drop: readonly string[];
}

/** What was found out of a containment on this machine. */
export interface FoundContainment extends Containment {
  /** Whether an attempt can read the environment of the worker, which has the provider's key. */
  readonly exposesEnvironment: boolean;
}

/**
 * `setpriv --pdeathsig` of util-linux (the one of busybox lacks it) makes a child die with the thread that has
 * spawned it. https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
 */
const SETPRIV = ['setpriv', '--pdeathsig', 'KILL'];
/** `--kill-child` ends the namespace with `unshare`. https://man7.org/linux/man-pages/man1/unshare.1.html */
const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'];

/** A user namespace needs no privilege where the kernel lets users make their own. `mount` wants to be root in it. */
const AS_ROOT = ['--user', '--map-root-user'];
const AS_ONESELF = ['--user', '--map-current-user'];

const isRoot = process.getuid?.() === 0;

/**
 * No program gives back what is given up here: neither set-user-ID nor file capabilities do, nor being root. Anybody but
 * root has lost its capabilities with the last command, and may not change its bounds.
 */
const DROP = [
  'setpriv',
  ...(isRoot ? ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'] : []),
  '--no-new-privs',
  '--',
];

/** Strongest first. */
function toCandidates(): Containment[] {
  const hold = (options: readonly string[]) => [...SETPRIV, '--', ...UNSHARE, ...options, '--'];
  const inNamespace = (
    kind: Containment['kind'],
    wrapper: readonly string[],
    drop: readonly string[],
  ): Containment => ({
    kind,
    isNamespace: true,
    wrapper,
    drop,
  });
  return [
    ...(isRoot ? [inNamespace('mount_namespace', hold([]), DROP), inNamespace('pid_namespace', hold([]), DROP)] : []),
    inNamespace('mount_namespace', hold(AS_ROOT), [...asBefore(), ...DROP]),
    inNamespace('pid_namespace', hold(AS_ONESELF), DROP),
    PARENT_DEATH_SIGNAL,
    { ...PARENT_DEATH_SIGNAL, drop: [] },
  ];
}

/**
 * Out of the user namespace in which it is root, into one in which it is who it was: in that it has no say over the mounts
 * of the other.
 */
function asBefore(): string[] {
  return ['unshare', '--user', `--map-user=${process.getuid?.() ?? 0}`, `--map-group=${process.getgid?.() ?? 0}`, '--'];
}

export const PARENT_DEATH_SIGNAL: Containment = {
  kind: 'parent_death_signal',
  isNamespace: false,
  wrapper: [...SETPRIV, '--'],
  drop: DROP,
};

const MARK_ONLY: Containment = { kind: 'mark', isNamespace: false, wrapper: [], drop: [] };

/** Makes the mounts, goes to the directory as it is seen then, and becomes the command. Whatever fails ends it. */
const ENTER = 'mount --all --fstab "$1" && cd -- "$2" && shift 2 && exec "$@"';

/** Whether root in it is one user among others. */
export function dropsCapabilities({ drop }: Containment): boolean {
  return isRoot && drop.length > 0;
}

interface Command {
  readonly command: readonly string[];
  readonly cwd: string;
  /** A file with the mounts; null: nothing is hidden. Only a mount namespace hides anything. */
  readonly mountTable: string | null;
}

/** The whole command that starts one so contained. */
export function contain({ kind, wrapper, drop }: Containment, { command, cwd, mountTable }: Command): string[] {
  const enter =
    kind === 'mount_namespace' && mountTable !== null ? ['/bin/sh', '-c', ENTER, 'longhaul', mountTable, cwd] : [];
  return [...wrapper, ...enter, ...drop, ...command];
}

let strongest: Promise<FoundContainment> | undefined;

/** The strongest containment this machine allows, tried out once. */
export function findContainment(): Promise<FoundContainment> {
  strongest ??= tryOut();
  return strongest;
}

async function tryOut(): Promise<FoundContainment> {
  const markOnly = { ...MARK_ONLY, exposesEnvironment: true };
  // The death signal is tied to the thread that spawns: only the main one lives as long as the process.
  if (process.platform !== 'linux' || !isMainThread) return markOnly;
  const directory = await realpath(await mkdtemp(path.join(tmpdir(), 'longhaul-probe-')));
  try {
    const probe = await prepareProbe(directory);
    for (const candidate of toCandidates()) {
      const exposesEnvironment = await findExposure(candidate, probe);
      if (exposesEnvironment !== null) return { ...candidate, exposesEnvironment };
    }
    return markOnly;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** A directory to be hidden, with one in it that is not. */
async function prepareProbe(directory: string) {
  const hidden = path.join(directory, 'hidden');
  const cwd = path.join(hidden, 'shown');
  const tmpDir = path.join(directory, 'tmp');
  await mkdir(cwd, { recursive: true });
  await mkdir(tmpDir);
  await writeFile(path.join(hidden, 'file'), '');
  const mountTable = path.join(directory, 'mounts');
  const places = [
    { path: hidden, isDirectory: true, rule: 'hidden' },
    { path: cwd, isDirectory: true, rule: 'shown' },
  ] as const;
  const kernel = isRoot ? findKernelSurfaces() : null;
  await writeFile(mountTable, toMountTable({ places, tmpDir, kernel, name: 'longhaul-probe' }));
  return { mountTable, cwd };
}

/**
 * Looks from inside for what would be wrong: a file that is hidden, a capability that is left. In a PID namespace the
 * worker's number is nobody's, or another's.
 */
const LOOK = `
case "$1" in
  mount_namespace) [ ! -e ../file ] && grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status ;;
  pid_namespace) ;;
  *) cat "/proc/$2/environ" > /dev/null 2>&1 && echo exposed; : ;;
esac`;

/** Whether an attempt in it can read this process's environment; null: it does not work here. */
function findExposure(
  containment: Containment,
  { mountTable, cwd }: { mountTable: string; cwd: string },
): Promise<boolean | null> {
  const look = ['/bin/sh', '-c', LOOK, 'longhaul', containment.kind, String(process.pid)];
  const [command = '', ...args] = contain(containment, { command: look, cwd, mountTable });
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 5_000, cwd }, (error, stdout) =>
      resolve(error === null ? stdout.includes('exposed') : null),
    );
  });
}
