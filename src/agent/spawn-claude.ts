import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { isMainThread } from 'node:worker_threads';
import type { SpawnOptions } from '@anthropic-ai/claude-agent-sdk';
import { tail, toStorable } from '../core/text.ts';

/** More than is reported, so that cutting in the middle of a character does not show. */
const STDERR_KEPT = 4_000;

/** A Claude Code process that was started: what the SDK needs of it, and what we need to end and judge it. */
export interface ClaudeChild {
  /** For the SDK, which speaks with it over stdin and stdout. */
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly pid: number | null;
  /** Resolves when it has ended, or could not be started. */
  readonly exited: Promise<void>;
  readonly hasExited: boolean;
  /** Resolves when it has ended and all it wrote was read. Descendants that hold its pipes delay that. */
  readonly closed: Promise<void>;
  readonly stderrTail: () => string;
  kill(signal: NodeJS.Signals): void;
}

interface SpawnClaudeOptions {
  /** What the SDK asks to be started. */
  readonly request: SpawnOptions;
  /** A command that starts another one, with its arguments: see `findParentDeathWrapper`. */
  readonly wrapper: readonly string[];
}

/** Starts Claude Code in a session of its own: a Ctrl-C in the worker's terminal is for the worker alone. */
export function spawnClaude({ request, wrapper }: SpawnClaudeOptions): ClaudeChild {
  // The place for what contains the tools as well: a PID namespace or a cgroup is one more wrapper here.
  const [command = request.command, ...args] = [...wrapper, request.command, ...request.args];
  const child = spawn(command, args, {
    cwd: request.cwd,
    env: request.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });

  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = tail(stderr + chunk, STDERR_KEPT);
  });
  // A process that dies while it is written to breaks the pipe. Its death is reported by 'exit'; unheard, this would end ours.
  child.stdin.on('error', () => undefined);

  let hasExited = false;
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      hasExited = true;
      resolve();
    };
    child.once('exit', end).once('error', end);
  });
  const closed = new Promise<void>((resolve) => {
    child.once('close', () => resolve()).once('error', () => resolve());
  });
  return {
    process: child,
    pid: child.pid ?? null,
    exited,
    get hasExited() {
      return hasExited;
    },
    closed,
    stderrTail: () => toStorable(tail(stderr, 1_000)),
    kill: (signal) => void child.kill(signal),
  };
}

/**
 * The command before which a child dies with this process, however that ends, or nothing where there is none:
 * `setpriv --pdeathsig KILL --` of util-linux (the one of busybox lacks it). The kernel ties it to the thread
 * that spawns, so it is for the main thread only, which lives as long as the process.
 * https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
 */
export function findParentDeathWrapper(): Promise<readonly string[]> {
  if (process.platform !== 'linux' || !isMainThread) return Promise.resolve([]);
  found ??= new Promise((resolve) => {
    execFile(SETPRIV[0], [...SETPRIV.slice(1), 'true'], (error) => resolve(error === null ? SETPRIV : []));
  });
  return found;
}

const SETPRIV = ['setpriv', '--pdeathsig', 'KILL', '--'] as const;
let found: Promise<readonly string[]> | undefined;
