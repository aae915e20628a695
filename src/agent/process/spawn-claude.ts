import { readFileSync } from 'node:fs';
import type { SpawnOptions } from '@anthropic-ai/claude-agent-sdk';
import { guarded } from '../../core/guard.ts';
import { maskedTail } from '../../core/mask-secrets.ts';
import { tail, toStorable } from '../../core/text.ts';
import { sendFilter, STREAMS_WITH_FILTER } from '../sandbox/system-call-filter.ts';
import type { Child } from '../spawner/child.ts';
import type { Spawner } from '../spawner/spawner.ts';
import type { Enclosure } from './enclosure.ts';

/** More than is reported, so that a cut in the middle of a key is not visible. */
const STDERR_KEPT = 20_000;

/**
 * The last line of an `unshare` whose process was killed. It tries to die of the same signal, which works for any other
 * signal; but SIGKILL cannot be reset, and older versions (such as 2.38) fail on that and exit with 1. An exit code of
 * 128 and more is the process's own: `unshare` turns no signal into one.
 */
const KILLED_INSIDE = /(?<![^\n])unshare: [^\n]*sigprocmask[^\n]*\n$/;

/** The exit code of `bwrap` for a process that SIGKILL ended. */
const KILLED_IN_SANDBOX = 128 + 9;

/** A Claude Code process that was started, with what the SDK needs and what we need to end and judge it. */
export interface ClaudeChild {
  /** For the SDK, which communicates with it over stdin and stdout. */
  readonly process: Child;
  /** Resolves when it has started, or could not be started. */
  readonly started: Promise<void>;
  /** Null when it could not be started. */
  readonly pid: number | null;
  /** Resolves when it has ended, or could not be started. */
  readonly exited: Promise<void>;
  readonly hasExited: boolean;
  /** The reason why it could not be started; null when it was. */
  readonly failure: Error | null;
  /** The exit code; null before its end, and when a signal ended it. */
  readonly exitCode: number | null;
  /** The signal that ended it, or null. */
  readonly signal: NodeJS.Signals | null;
  /** Claude Code's own pid, as seen from here, where a wrapper precedes it; null when it has ended. */
  readonly claudePid: number | null;
  /** True when every process that it has started ends with it. */
  readonly isContained: boolean;
  /** The parts of its sandbox to watch; null without a sandbox. */
  readonly watched: Enclosure['watched'];
  /**
   * True when every process that it started has ended with it: the kernel ends a PID namespace with its first process.
   */
  readonly hasTakenAllAlong: boolean;
  /** Resolves when it has ended and all its output was read. Descendants that hold its pipes delay that. */
  readonly closed: Promise<void>;
  readonly stderrTail: () => string;
  kill(signal: NodeJS.Signals): void;
}

interface SpawnClaudeOptions {
  /** The command that the SDK wants to start. */
  readonly request: SpawnOptions;
  readonly enclosure: Pick<Enclosure, 'isNamespace' | 'watched' | 'toCommand'>;
  /** A directory that must be visible to it. */
  readonly configDir: string;
  readonly spawner: Spawner;
}

/** Starts Claude Code in a separate session, so that a Ctrl-C in the worker's terminal reaches only the worker. */
export function spawnClaude({ request, enclosure, configDir, spawner }: SpawnClaudeOptions): ClaudeChild {
  const { isNamespace, watched } = enclosure;
  const { cwd = process.cwd(), env } = request;
  const [command = request.command, ...args] = enclosure.toCommand({
    command: [request.command, ...request.args],
    cwd,
    configDir,
  });
  const streamCount = watched === null ? 3 : STREAMS_WITH_FILTER;
  const child = spawner.start({ command, args, cwd, env, streamCount });

  const life = followLife(child);
  if (watched !== null) sendFilter(child);

  if (isNamespace) {
    // Neither `unshare` nor `bwrap` passes on a SIGTERM: signals, including the SDK's, go to the only process that they
    // have started.
    child.kill = (signal) => sendSignal(findOnlyChild(child.pid) ?? child.pid, signal);
  }

  let stderr = '';
  const onStderr = guarded((chunk: string) => {
    stderr = tail(stderr + chunk, STDERR_KEPT);
  });
  child.stderr.setEncoding('utf8').on('data', onStderr);
  // A process that dies during a write breaks the pipe. 'exit' reports its death; without a listener this error would
  // end our process.
  for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on('error', () => undefined);

  // Evaluated when needed: the output of a process arrives after its end.
  const isKilledInside = () =>
    watched === null
      ? isNamespace && child.exitCode === 1 && KILLED_INSIDE.test(stderr)
      : child.exitCode === KILLED_IN_SANDBOX;

  return {
    process: child,
    started: life.started,
    get pid() {
      return child.pid ?? null;
    },
    get claudePid() {
      if (life.hasExited) return null;
      return (isNamespace ? findOnlyChild(child.pid) : child.pid) ?? null;
    },
    isContained: isNamespace,
    watched,
    exited: life.exited,
    get hasExited() {
      return life.hasExited;
    },
    get failure() {
      return life.failure;
    },
    get hasTakenAllAlong() {
      // `unshare` or `bwrap` exits by itself only when the namespace is empty; when it is killed, the namespace empties a moment
      // later.
      return isNamespace && child.exitCode !== null;
    },
    get exitCode() {
      return isKilledInside() ? null : child.exitCode;
    },
    get signal() {
      return isKilledInside() ? 'SIGKILL' : child.signalCode;
    },
    closed: life.closed,
    stderrTail: () => toStorable(maskedTail(isKilledInside() ? stderr.replace(KILLED_INSIDE, '') : stderr, 1_000)),
    kill(signal) {
      child.kill(signal);
    },
  };
}

/** Follows a child from its start to its end. Without a listener, the event of a failed start would end the worker. */
function followLife(child: Child) {
  const life = { hasExited: false, failure: null as Error | null };
  const exited = new Promise<void>((resolve) => {
    const end = guarded(() => {
      life.hasExited = true;
      resolve();
    });
    const fail = guarded((error: Error) => {
      life.failure = error;
      end();
    });
    child.once('exit', end);
    child.once('error', fail);
  });
  const untilEvent = (event: 'spawn' | 'close') =>
    new Promise<void>((resolve) => {
      child.once(event, () => resolve());
      child.once('error', () => resolve());
    });
  return Object.assign(life, { exited, started: untilEvent('spawn'), closed: untilEvent('close') });
}

function findOnlyChild(pid: number | undefined): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    return /^\d+$/.test(children) ? Number(children) : undefined;
  } catch {
    return undefined; // The process has ended.
  }
}

function sendSignal(pid: number | undefined, signal: NodeJS.Signals | number): boolean {
  try {
    return pid !== undefined && process.kill(pid, signal);
  } catch {
    return false;
  }
}
