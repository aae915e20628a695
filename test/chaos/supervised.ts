import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { settlesWithin } from '../../src/core/settles-within.ts';
import { findCommand, withCommandCache } from '../support/built-command.ts';

/** Pause before an ended process is started again. */
const RESTART_DELAY_MS = 500;

/** A process of a supervised command. */
export interface Incarnation {
  readonly pid: number;
  /** The variable that distinguishes its model calls from all others. */
  readonly key: string;
  /** Its standard error. */
  readonly logFile: string;
}

/** The exit of a process. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A `longhaul` command that is restarted whenever it ends, as by a supervisor. */
export interface Supervised {
  readonly name: string;
  /** The present process; null between two. */
  readonly current: Incarnation | null;
  /** Every process so far. */
  readonly incarnations: readonly Incarnation[];
  /** Sends a signal; false when there is no process. */
  signal(signal: NodeJS.Signals): boolean;
  /** Ends it finally, by SIGTERM, or by SIGKILL after `timeoutMs`; null when there was no process. */
  stop(timeoutMs: number): Promise<Ending | null>;
}

interface SuperviseOptions {
  readonly name: string;
  readonly args: readonly string[];
  /** Its machine: the directory for its work, logs and temporary files. */
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a command, and restarts it until it is stopped. */
export function supervise({ name, args, directory, env }: SuperviseOptions): Supervised {
  const incarnations: Incarnation[] = [];
  const stopping = new AbortController();
  let child: ChildProcess | null = null;

  async function keep(): Promise<Ending | null> {
    for (;;) {
      const ending = await live();
      if (stopping.signal.aborted) return ending;
      await delay(RESTART_DELAY_MS, undefined, { signal: stopping.signal }).catch(() => {});
      if (stopping.signal.aborted) return null;
    }
  }

  async function live(): Promise<Ending> {
    const key = `${name}.${incarnations.length + 1}`;
    const logFile = path.join(directory, `${key}.log`);
    const log = await open(logFile, 'w');
    child = spawn(process.execPath, ['--conditions=longhaul-source', findCommand(), ...args], {
      cwd: directory,
      env: withCommandCache({
        PATH: process.env['PATH'] ?? '',
        HOME: directory,
        TMPDIR: path.join(directory, 'tmp'),
        ANTHROPIC_API_KEY: key,
        ...env,
      }),
      stdio: ['ignore', 'ignore', log.fd],
      // A Ctrl-C in the terminal goes to the harness alone, which ends the processes.
      detached: true,
    });
    incarnations.push({ pid: child.pid ?? 0, key, logFile });
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    child = null;
    await log.close();
    return { code, signal };
  }

  const kept = keep();
  return {
    name,
    get current() {
      return child === null ? null : (incarnations.at(-1) ?? null);
    },
    incarnations,
    signal: (signal) => child?.kill(signal) ?? false,
    async stop(timeoutMs) {
      stopping.abort();
      child?.kill('SIGCONT');
      child?.kill('SIGTERM');
      if (!(await settlesWithin(kept, timeoutMs))) child?.kill('SIGKILL');
      return kept;
    },
  };
}
