import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { createClient, type LonghaulClient } from '../../src/client/client.ts';
import { seedDatabase } from '../../src/testing/seed-database.ts';
import { findCommand, withCommandCache } from './built-command.ts';
import { NODE_ARGS } from './run-command.ts';

/** `longhaul start` as a separate process. */
export interface StartedCommand {
  readonly process: ChildProcess;
  readonly url: string;
  readonly client: LonghaulClient;
  /** Its output on standard error so far. */
  readonly log: () => string;
  /** Sends a signal and resolves with its exit code and signal. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts `longhaul start` in `directory`, which holds its configuration, with only these of our variables. */
export async function startCommand(directory: string, env: Record<string, string>): Promise<StartedCommand> {
  const dataDir = path.join(directory, '.longhaul');
  if (!existsSync(dataDir)) await seedDatabase(dataDir);
  const child = spawn(process.execPath, [...NODE_ARGS, findCommand(), 'start'], {
    cwd: directory,
    env: withCommandCache({
      PATH: process.env['PATH'] ?? '',
      HOME: directory,
      TMPDIR: directory,
      LONGHAUL_PORT: '0',
      ...env,
    }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const url = /listening on (http:\S+)/.exec(line)?.[1];
    if (url !== undefined) resolve(url);
  });
  void exited.then(() => reject(new Error(`longhaul start ended before it listened:\n${log}`)));
  const url = await promise;
  const apiKey = (await readFile(path.join(dataDir, 'admin-key'), 'utf8')).trim();
  return {
    process: child,
    url,
    client: createClient({ url, apiKey, retryForSeconds: 0 }),
    log: () => log,
    end(signal) {
      child.kill(signal);
      return exited;
    },
  };
}
