import { spawn } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { once } from 'node:events';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { findCommand, withCommandCache } from './built-command.ts';

/** Arguments for Node to load the sources, as for the tests themselves. */
export const NODE_ARGS = ['--conditions=longhaul-source', '--liftoff-only'];

export interface CommandResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running `longhaul` command, as a separate process. */
export interface RunningCommand {
  readonly pid: number;
  readonly ended: Promise<CommandResult>;
  /** Resolves with the first match of `pattern` in its output; rejects when it ends without a match. */
  printed(pattern: RegExp): Promise<RegExpExecArray>;
  /** Like `printed`, for standard error. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
  kill(signal: NodeJS.Signals): void;
  /** Closes the reading end of its standard output. */
  closeOutput(): void;
}

interface CommandOptions {
  readonly cwd: string;
  /** Its complete environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Path of the command. Defaults to that of this version. */
  readonly command?: string | undefined;
}

/** Starts a command. */
export function spawnCommand(args: readonly string[], options: CommandOptions): RunningCommand {
  const { cwd, env, input = '', command = findCommand() } = options;
  const child = spawn(process.execPath, [...NODE_ARGS, command, ...args], { cwd, env: withCommandCache(env) });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => {}); // The command may end before it reads its input.
  child.stdin.end(input);
  function untilMatch(stream: Readable, pattern: RegExp, read: () => string): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
    const look = () => {
      const match = pattern.exec(read());
      if (match !== null) resolve(match);
    };
    stream.on('data', look);
    look();
    void ended.then(() => reject(new Error(`ended without ${String(pattern)}; printed ${stdout}${stderr}`)));
    return promise.finally(() => stream.off('data', look));
  }
  const ended = once(child, 'close').then(([exitCode]) => ({ exitCode: exitCode as number | null, stdout, stderr }));
  return {
    pid: child.pid ?? 0,
    ended,
    printed: (pattern) => untilMatch(child.stdout, pattern, () => stdout),
    logged: (pattern) => untilMatch(child.stderr, pattern, () => stderr),
    kill: (signal) => void child.kill(signal),
    closeOutput: () => void child.stdout.destroy(),
  };
}

/** Adds the test run's compile cache: a program that loads the sources then starts with half the processor time. */
export function withCache(env: Readonly<Record<string, string>>): Record<string, string> {
  const cache = process.env['NODE_COMPILE_CACHE'];
  return { ...env, ...(cache !== undefined && { NODE_COMPILE_CACHE: cache }) };
}

/** Runs a command to its end. */
export function runCommand(args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  return spawnCommand(args, options).ended;
}

/** Finds the ids of processes that run in `directory` or have it in their environment. Empty without `/proc`. */
export async function findProcessesOf(directory: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [cwd, environment] = await Promise.all([
        readlink(path.join('/proc', String(pid), 'cwd')).catch(() => ''),
        readFile(path.join('/proc', String(pid), 'environ'), 'utf8').catch(() => ''),
      ]);
      return cwd.startsWith(directory) || environment.includes(directory) ? pid : null;
    }),
  );
  return found.filter((pid) => pid !== null);
}
