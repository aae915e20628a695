import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { findCommand, withCommandCache } from './built-command.ts';
import { NODE_ARGS } from './run-command.ts';

/** True when this machine has the `script` of util-linux, which gives a command its own terminal. */
export const hasTerminals =
  process.platform === 'linux' &&
  spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux');

/** A `longhaul` command with a person at its terminal. */
export interface TerminalCommand {
  readonly ended: Promise<{ readonly exitCode: number | null; readonly screen: string }>;
  /** Resolves with the first match of `pattern` on the screen; rejects when the command ends without one. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
  type(text: string): void;
}

interface TerminalOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Starts a command in a terminal. Its words must not need quoting. */
export function startInTerminal(words: readonly string[], { cwd, env }: TerminalOptions): TerminalCommand {
  const command = [process.execPath, ...NODE_ARGS, findCommand(), ...words].join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    cwd,
    env: withCommandCache({ TERM: 'xterm', SHELL: '/bin/sh', ...env }),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // A failed test does not wait for it: without its terminal the command ends too.
  const hangUp = () => void child.kill('SIGKILL');
  process.once('exit', hangUp);
  child.once('close', () => process.off('exit', hangUp));
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
  });
  child.stdin.on('error', () => {}); // The command may end before it reads its input.
  const ended = once(child, 'close').then(([exitCode]) => ({ exitCode: exitCode as number | null, screen }));
  return {
    ended,
    shows(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const look = () => {
        const match = pattern.exec(screen);
        if (match !== null) resolve(match);
      };
      child.stdout.on('data', look);
      look();
      void ended.then(() => reject(new Error(`ended without ${String(pattern)}; showed ${screen}`)));
      return promise.finally(() => child.stdout.off('data', look));
    },
    type: (text) => void child.stdin.write(text),
  };
}
