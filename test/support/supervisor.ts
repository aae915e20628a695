import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createClient, type LonghaulClient } from '../../src/client/client.ts';
import { findCommand, withCommandCache } from './built-command.ts';
import { findFreePort } from './embedded-postgres.ts';
import { NODE_ARGS, runCommand } from './run-command.ts';

const ADMIN_KEY = `lh_${'0123456789abcdef'.repeat(4)}`;

/** A process as `supervisorctl status` shows it. */
interface Supervised {
  readonly state: string;
  /** Null when it does not run. */
  readonly pid: number | null;
}

/** Longhaul under Debian's Supervisor, with the files of `longhaul deploy supervisor` unchanged. */
export interface Supervisor extends AsyncDisposable {
  readonly client: LonghaulClient;
  /** URL of the server, and the key to it. */
  readonly url: string;
  readonly adminKey: string;
  /** Directory of everything that runs. */
  readonly directory: string;
  /** Directory of the application. */
  readonly appDir: string;
  /** Runs supervisorctl and returns its output. */
  control(...args: string[]): Promise<string>;
  status(name: string): Promise<Supervised>;
  /** Returns what Supervisor itself has logged. */
  log(): Promise<string>;
}

interface SupervisorOptions {
  /** Text of the application's `longhaul.config.mjs`. */
  readonly config: string;
  readonly modelUrl: string;
  /** URL of an empty database. */
  readonly databaseUrl: string;
}

export async function startSupervisor({ config, modelUrl, databaseUrl }: SupervisorOptions): Promise<Supervisor> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-supervisor-'));
  const place = (name: string) => path.join(directory, name);
  const port = await findFreePort();
  const bin = place('app/node_modules/.bin');
  for (const name of ['app', 'data', 'logs', 'secrets', 'tmp']) await mkdir(place(name));
  await mkdir(bin, { recursive: true });
  await writeFile(path.join(bin, 'longhaul'), `#!/bin/sh\nexec node ${NODE_ARGS.join(' ')} ${findCommand()} "$@"\n`);
  await chmod(path.join(bin, 'longhaul'), 0o755);
  await writeFile(place('app/longhaul.config.mjs'), config);
  const secrets = { 'database-url': databaseUrl, 'admin-key': ADMIN_KEY, 'anthropic-api-key': 'scripted' };
  for (const [name, value] of Object.entries(secrets)) await writeFile(place(`secrets/${name}`), `${value}\n`);
  const programs = `${path.dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
  const choices = {
    'app-dir': place('app'),
    'data-dir': place('data'),
    'log-dir': place('logs'),
    'secrets-dir': place('secrets'),
    user: userInfo().username,
    path: programs,
    out: place('files'),
  };
  const written = await runCommand(
    ['deploy', 'supervisor', ...Object.entries(choices).flatMap(([name, value]) => [`--${name}`, value])],
    {
      cwd: place('app'),
      env: {
        PATH: programs,
        LONGHAUL_PORT: String(port),
        ANTHROPIC_BASE_URL: modelUrl,
        ANTHROPIC_API_KEY: 'scripted',
      },
    },
  );
  if (written.exitCode !== 0) throw new Error(written.stderr);
  await writeFile(place('supervisord.conf'), toMainFile(directory));
  const daemon = spawn('supervisord', ['--nodaemon', '--configuration', place('supervisord.conf')], {
    cwd: directory,
    env: withCommandCache({ PATH: programs, TMPDIR: place('tmp') }),
    stdio: 'ignore',
  });
  const ended = once(daemon, 'exit');
  const control = async (...args: string[]) => {
    // supervisorctl exits with another code than 0 for states such as EXITED.
    const run = promisify(execFile)('supervisorctl', ['--configuration', place('supervisord.conf'), ...args]);
    return (await run.catch((error: { stdout: string }) => error)).stdout;
  };
  const url = `http://127.0.0.1:${port}`;
  return {
    client: createClient({ url, apiKey: ADMIN_KEY }),
    url,
    adminKey: ADMIN_KEY,
    directory,
    appDir: place('app'),
    control,
    async status(name) {
      const [, state = '', pid = ''] = /^\S+ +(\w+)(?: +pid (\d+))?/.exec(await control('status', name)) ?? [];
      return { state, pid: pid === '' ? null : Number(pid) };
    },
    log: () => readFile(place('supervisord.log'), 'utf8'),
    async [Symbol.asyncDispose]() {
      daemon.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The file that Debian's package brings, in a directory of a test. */
function toMainFile(directory: string): string {
  return `[unix_http_server]
file=${directory}/supervisor.sock
[supervisord]
logfile=${directory}/supervisord.log
pidfile=${directory}/supervisord.pid
childlogdir=${directory}/logs
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://${directory}/supervisor.sock
[include]
files = ${directory}/files/longhaul.conf
`;
}
