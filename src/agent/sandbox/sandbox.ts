import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import type { Sandbox } from '../../config/config.ts';
import { toMessage } from '../../core/errors.ts';
import { guarded } from '../../core/guard.ts';
import { tail } from '../../core/text.ts';
import type { ControlGroup } from './control-groups.ts';
import { openNetwork, type SandboxNetwork } from './network.ts';
import { toRootArgs, type RootEntry } from './sandbox-root.ts';
import { FILTER_ARGS, sendFilter, withFilterPipe } from './system-call-filter.ts';

/** The ways in which machines allow a sandbox, strongest first. */
const KINDS = ['user_namespace', 'user_namespace_nested', 'root'] as const;

/**
 * - `user_namespace`: the processes have no privilege on the machine, and can make no further namespace.
 * - `user_namespace_nested`: the same, but they can make further namespaces, because bubblewrap is older than 0.8.
 * - `root`: the worker is root, and the machine allows no user namespaces. The processes have no capabilities.
 */
export type SandboxKind = (typeof KINDS)[number];

/** The kind of sandbox that this machine allows; or the missing part, in words for an operator. */
export type FoundSandbox = { readonly kind: SandboxKind } | { readonly missing: string };

let found: Promise<FoundSandbox> | undefined;

/** Finds out whether this machine can hold sandboxes. Tests it once, with a real one. */
export function findSandbox(): Promise<FoundSandbox> {
  found ??= tryOut();
  return found;
}

async function tryOut(): Promise<FoundSandbox> {
  if (process.platform !== 'linux') return { missing: 'a sandbox needs Linux' };
  // A sandbox ends with the thread that started it: only the main thread lives as long as the process.
  if (!isMainThread) return { missing: 'a sandbox needs a worker in the main thread of its process' };
  const version = await run(['bwrap', '--version']);
  if (version !== null) return { missing: `bubblewrap is not installed (${version})` };
  const problems: string[] = [];
  for (const kind of KINDS) {
    if (kind === 'root' && process.getuid?.() !== 0) continue;
    const problem = await findProblem(kind);
    if (problem === null) return { kind };
    problems.push(problem);
  }
  return { missing: `bubblewrap cannot make a sandbox here: ${problems[0]}` };
}

/**
 * Tries a whole sandbox: its network, its file system and its limits. Returns the problem, or null. Writes nothing: the
 * disk may be full.
 */
async function findProblem(kind: SandboxKind): Promise<string | null> {
  let network: SandboxNetwork | null = null;
  try {
    network = await openNetwork([1_024], { isUserNamespace: kind !== 'root' });
    const command = toSandboxCommand({
      kind,
      group: null,
      network,
      entries: [],
      tmpDir: tmpdir(),
      etcDir: '/etc',
      cwd: '/tmp',
      limits: { pids: 512, openFiles: 1_024, diskMb: 1 },
      command: ['/bin/sh', '-c', PROBE],
    });
    return await run(command);
  } catch (error) {
    return toMessage(error);
  } finally {
    network?.close();
  }
}

/** Checks from inside that nothing is left of the worker's privileges. */
const PROBE = `grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status`;

interface SandboxCommand {
  readonly kind: SandboxKind;
  /** The control group of the processes; null without one. */
  readonly group: Pick<ControlGroup, 'enter'> | null;
  readonly network: Pick<SandboxNetwork, 'enter'>;
  readonly entries: readonly RootEntry[];
  readonly tmpDir: string;
  readonly etcDir: string;
  readonly cwd: string;
  readonly limits: Pick<Sandbox, 'pids' | 'openFiles' | 'diskMb'>;
  readonly command: readonly string[];
}

/** The namespaces besides the network's and the user's. The command is the first process, so that the kernel ends all with it. */
const NAMESPACES = ['--unshare-pid', '--as-pid-1', '--unshare-ipc', '--unshare-uts', '--hostname', 'sandbox'];
const NO_PRIVILEGES = ['--cap-drop', 'ALL', '--new-session', '--die-with-parent', '--unshare-cgroup-try'];

/**
 * Builds the command that starts another one in a sandbox. The command is the first process of its namespace. Start it with
 * `withFilterPipe`, and then call `sendFilter`.
 */
export function toSandboxCommand({ kind, group, network, command, cwd, limits, ...root }: SandboxCommand): string[] {
  return [
    ...(group?.enter ?? []),
    ...network.enter,
    'bwrap',
    ...(kind === 'root' ? [] : ['--unshare-user']),
    ...(kind === 'user_namespace' ? ['--disable-userns'] : []),
    ...NAMESPACES,
    ...NO_PRIVILEGES,
    ...FILTER_ARGS,
    ...toRootArgs(root),
    '--chdir',
    cwd,
    '--',
    'prlimit',
    ...toResourceLimits(limits),
    '--',
    ...command,
  ];
}

/**
 * The kernel's own limits hold between two looks of the worker, see `watch-sandbox.ts`. That of processes counts for
 * each sandbox of an ordinary user, and not for root.
 */
function toResourceLimits({ pids, openFiles, diskMb }: SandboxCommand['limits']): string[] {
  const own = readFileSync('/proc/self/limits', 'utf8');
  const lower = (name: string, wanted: number) => {
    const [soft = wanted, hard = wanted] = (new RegExp(`^${name} +(\\S+) +(\\S+)`, 'm').exec(own) ?? [])
      .slice(1)
      .map((value) => (value === 'unlimited' ? wanted : Math.min(wanted, Number(value))));
    return `${soft}:${hard}`;
  };
  return [
    `--nproc=${lower('Max processes', pids)}`,
    `--nofile=${lower('Max open files', openFiles)}`,
    `--fsize=${lower('Max file size', diskMb * 1_000_000)}`,
    '--core=0:0',
  ];
}

/** Runs a command. Returns its problem in one line, or null when it succeeded. */
function run([command = '', ...args]: readonly string[]): Promise<string | null> {
  const child = spawn(command, args, { stdio: withFilterPipe('ignore', 'ignore', 'pipe'), timeout: 15_000 });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on(
    'data',
    guarded((chunk: string) => void (complaint = tail(complaint + chunk, 2_000))),
  );
  return new Promise((resolve) => {
    const onError = guarded((error: Error) => resolve(toMessage(error)));
    const onClose = guarded((code: number | null, signal: string | null) => {
      const problem = complaint.trim().split('\n', 1)[0] || `it ended with ${signal ?? code}`;
      resolve(code === 0 ? null : problem);
    });
    child.once('error', onError);
    child.once('close', onClose);
    sendFilter(child);
  });
}
