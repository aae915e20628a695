import { execFile } from 'node:child_process';
import { isMainThread } from 'node:worker_threads';

/**
 * What holds the processes of an attempt together, beside the mark in their environment.
 *
 * - `pid_namespace`: they live in a PID namespace of their own with its own `/proc`. The kernel ends all of them
 *   with the first, whatever they have done to get away, and they see no process but each other.
 * - `parent_death_signal`: the executable dies with its worker; its tools are found by their mark.
 * - `mark`: the mark alone.
 */
export interface Containment {
  readonly kind: 'pid_namespace' | 'parent_death_signal' | 'mark';
  /** The command that starts another one so contained, with its arguments. */
  readonly wrapper: readonly string[];
}

/**
 * `setpriv --pdeathsig` of util-linux (the one of busybox lacks it) makes a child die with the thread that has
 * spawned it. https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
 */
const SETPRIV = ['setpriv', '--pdeathsig', 'KILL', '--'];
/** `--kill-child` ends the namespace with `unshare`. https://man7.org/linux/man-pages/man1/unshare.1.html */
const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc'];

export const PARENT_DEATH_SIGNAL: Containment = { kind: 'parent_death_signal', wrapper: SETPRIV };

/** Strongest first. The second namespace needs no privilege where the kernel lets users make their own. */
const CANDIDATES: readonly Containment[] = [
  { kind: 'pid_namespace', wrapper: [...SETPRIV, ...UNSHARE, '--'] },
  { kind: 'pid_namespace', wrapper: [...SETPRIV, ...UNSHARE, '--user', '--map-current-user', '--'] },
  PARENT_DEATH_SIGNAL,
];

const MARK_ONLY: Containment = { kind: 'mark', wrapper: [] };

let strongest: Promise<Containment> | undefined;

/** The strongest containment this machine allows, tried out once. */
export function findContainment(): Promise<Containment> {
  strongest ??= tryOut();
  return strongest;
}

async function tryOut(): Promise<Containment> {
  // The death signal is tied to the thread that spawns: only the main one lives as long as the process.
  if (process.platform !== 'linux' || !isMainThread) return MARK_ONLY;
  for (const candidate of CANDIDATES) if (await works(candidate)) return candidate;
  return MARK_ONLY;
}

function works({ wrapper: [command = '', ...args] }: Containment): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(command, [...args, 'true'], { timeout: 5_000 }, (error) => resolve(error === null));
  });
}
