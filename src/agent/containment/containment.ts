import { execFile } from 'node:child_process';
import { readdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { findKernelSurfaces } from './kernel-surfaces.ts';
import { MAKE_MOUNTS, toMountTable, type Place } from './mount-table.ts';

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
  const enclose = (options: readonly string[]) => [...SETPRIV, '--', ...UNSHARE, ...options, '--'];
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
    ...(isRoot
      ? [inNamespace('mount_namespace', enclose([]), DROP), inNamespace('pid_namespace', enclose([]), DROP)]
      : []),
    inNamespace('mount_namespace', enclose(AS_ROOT), [...asBefore(), ...DROP]),
    inNamespace('pid_namespace', enclose(AS_ONESELF), DROP),
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
const ENTER = `${MAKE_MOUNTS} && cd -- "$2" && shift 2 && exec "$@"`;

/** Returns whether root in the containment is an ordinary user. */
export function dropsCapabilities({ drop }: Containment): boolean {
  return isRoot && drop.length > 0;
}

interface Command {
  readonly command: readonly string[];
  readonly cwd: string;
  /** The mounts, as `toMountTable` builds them; null when nothing is hidden. Only a mount namespace hides anything. */
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

interface Probe {
  readonly mountTable: string;
  readonly cwd: string;
  /** A file or directory that must be invisible. */
  readonly hiddenPath: string;
}

async function tryOut(): Promise<FoundContainment> {
  const markOnly = { ...MARK_ONLY, exposesEnvironment: true };
  // The death signal is tied to the thread that spawns: only the main thread lives as long as the process.
  if (process.platform !== 'linux' || !isMainThread) return markOnly;
  const probe = await prepareProbe();
  for (const candidate of toCandidates()) {
    const exposesEnvironment = await findExposure(candidate, probe);
    if (exposesEnvironment !== null) return { ...candidate, exposesEnvironment };
  }
  return markOnly;
}

/**
 * Hides the directory that contains this one, and shows this one in it; only hides this one where nothing else is to
 * hide, as in a bundle in `/app`. Writes nothing: the disk may be full.
 */
async function prepareProbe(): Promise<Probe> {
  const own = await realpath(import.meta.dirname);
  const parent = path.dirname(own);
  const isParentRoot = parent === path.parse(parent).root;
  const sibling = isParentRoot ? undefined : (await readdir(parent)).find((name) => name !== path.basename(own));
  const toPlace = (place: string, rule: Place['rule']): Place => ({ path: place, isDirectory: true, rule });
  const toTable = (places: readonly Place[]) =>
    toMountTable({
      places,
      tmpDir: tmpdir(),
      kernel: isRoot ? findKernelSurfaces() : null,
      name: 'longhaul-probe',
    });
  return sibling === undefined
    ? {
        mountTable: toTable([toPlace(own, 'hidden')]),
        cwd: parent,
        hiddenPath: path.join(own, path.basename(import.meta.filename)),
      }
    : {
        mountTable: toTable([toPlace(parent, 'hidden'), toPlace(own, 'shown')]),
        cwd: own,
        hiddenPath: path.join(parent, sibling),
      };
}

/**
 * Checks from inside for defects: a hidden file that is visible, a capability that is left. In a PID namespace the
 * worker's pid is unused, or belongs to another process.
 */
const PROBE = `
case "$1" in
  mount_namespace) [ ! -e "$3" ] && grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status ;;
  pid_namespace) ;;
  *) cat "/proc/$2/environ" > /dev/null 2>&1 && echo exposed; : ;;
esac`;

/**
 * Returns whether an attempt in the containment can read this process's environment; null when the containment does not
 * work here.
 */
function findExposure(containment: Containment, { mountTable, cwd, hiddenPath }: Probe): Promise<boolean | null> {
  const probe = ['/bin/sh', '-c', PROBE, 'longhaul', containment.kind, String(process.pid), hiddenPath];
  const [command = '', ...args] = contain(containment, { command: probe, cwd, mountTable });
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 5_000, cwd }, (error, stdout) =>
      resolve(error === null ? stdout.includes('exposed') : null),
    );
  });
}
