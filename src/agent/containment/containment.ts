import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { findKernelSurfaces } from './kernel-surfaces.ts';
import { toMountTable } from './mount-table.ts';

/**
 * The isolation of an attempt's processes, besides the mark in their environment.
 *
 * - `mount_namespace`: like `pid_namespace`, and in a mount namespace that hides files from them. They have no
 *   capability and gain none, so that nothing inside can undo either.
 * - `pid_namespace`: they live in their own PID namespace with its own `/proc`. The kernel ends all of them with the
 *   first process, whatever they do to escape, and they see no other processes.
 * - `parent_death_signal`: the executable dies with its worker; its tools are found by their mark.
 * - `mark`: the mark alone.
 */
export interface Containment {
  readonly kind: 'mount_namespace' | 'pid_namespace' | 'parent_death_signal' | 'mark';
  /** True when all processes end with the first process. */
  readonly isNamespace: boolean;
  /** The command, with its arguments, that starts another command in this containment. */
  readonly wrapper: readonly string[];
  /**
   * The command that drops privileges before the actual command. In a mount namespace it runs after the mounts were
   * made.
   */
  readonly drop: readonly string[];
}

/** The containment that was found to work on this machine. */
export interface FoundContainment extends Containment {
  /** True when an attempt can read the environment of the worker, which contains the provider's key. */
  readonly exposesEnvironment: boolean;
}

/**
 * `setpriv --pdeathsig` of util-linux (busybox lacks it) makes a child die with the thread that spawned it.
 * https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
 */
const SETPRIV = ['setpriv', '--pdeathsig', 'KILL'];
/** `--kill-child` ends the namespace with `unshare`. https://man7.org/linux/man-pages/man1/unshare.1.html */
const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'];

/** A user namespace needs no privilege if the kernel allows users to make one. `mount` must be root in it. */
const AS_ROOT = ['--user', '--map-root-user'];
const AS_ONESELF = ['--user', '--map-current-user'];

const isRoot = process.getuid?.() === 0;

/**
 * Drops privileges permanently: no program gives them back, neither set-user-ID nor file capabilities nor the user
 * root. Any other user lost its capabilities with the last command, and may not change its bounds.
 */
const DROP = [
  'setpriv',
  ...(isRoot ? ['--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'] : []),
  '--no-new-privs',
  '--',
];

/** Lists the containments, strongest first. */
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
 * Leaves the user namespace in which the process is root, for a namespace in which it is its original user: that one
 * has no control over the mounts of the other.
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

/** Makes the mounts, enters the directory as it is visible then, and becomes the command. Any failure ends it. */
const ENTER = 'mount --all --fstab "$1" && cd -- "$2" && shift 2 && exec "$@"';

/** Returns whether root in the containment is an ordinary user. */
export function dropsCapabilities({ drop }: Containment): boolean {
  return isRoot && drop.length > 0;
}

interface Command {
  readonly command: readonly string[];
  readonly cwd: string;
  /** A file with the mounts; null when nothing is hidden. Only a mount namespace hides anything. */
  readonly mountTable: string | null;
}

/** Builds the whole command that starts another one in the containment. */
export function contain({ kind, wrapper, drop }: Containment, { command, cwd, mountTable }: Command): string[] {
  const enter =
    kind === 'mount_namespace' && mountTable !== null ? ['/bin/sh', '-c', ENTER, 'longhaul', mountTable, cwd] : [];
  return [...wrapper, ...enter, ...drop, ...command];
}

let strongest: Promise<FoundContainment> | undefined;

/** Finds the strongest containment that this machine allows. Tests it once. */
export function findContainment(): Promise<FoundContainment> {
  strongest ??= tryOut();
  return strongest;
}

async function tryOut(): Promise<FoundContainment> {
  const markOnly = { ...MARK_ONLY, exposesEnvironment: true };
  // The death signal is tied to the thread that spawns: only the main thread lives as long as the process.
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

/** Makes a hidden directory with a visible directory in it. */
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
 * Checks from inside for defects: a hidden file that is visible, a capability that is left. In a PID namespace the
 * worker's pid is unused, or belongs to another process.
 */
const PROBE = `
case "$1" in
  mount_namespace) [ ! -e ../file ] && grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status ;;
  pid_namespace) ;;
  *) cat "/proc/$2/environ" > /dev/null 2>&1 && echo exposed; : ;;
esac`;

/**
 * Returns whether an attempt in the containment can read this process's environment; null when the containment does not
 * work here.
 */
function findExposure(
  containment: Containment,
  { mountTable, cwd }: { mountTable: string; cwd: string },
): Promise<boolean | null> {
  const probe = ['/bin/sh', '-c', PROBE, 'longhaul', containment.kind, String(process.pid)];
  const [command = '', ...args] = contain(containment, { command: probe, cwd, mountTable });
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 5_000, cwd }, (error, stdout) =>
      resolve(error === null ? stdout.includes('exposed') : null),
    );
  });
}
