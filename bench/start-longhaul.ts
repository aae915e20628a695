import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient, type LonghaulClient } from '../src/client/client.ts';
import type { Config } from '../src/config/config.ts';
import { resolveConfig } from '../src/config/resolve.ts';
import type { LonghaulConfig } from '../src/config/schema.ts';
import type { Bench } from './bench.ts';

/** The name of the agent. */
export const AGENT = 'bench';

/** The `LONGHAUL_CLAUDE_PATH` of a stub that answers at once. */
export const STUB_CLAUDE = fileURLToPath(new URL('stub-claude.sh', import.meta.url));

const STOP_TIMEOUT_MS = 5_000;

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));

interface StartOptions {
  readonly bench: Bench;
  /** The command. Defaults to `start`: server and worker in one. */
  readonly command?: 'start' | 'server' | 'worker';
  /** Slots of its worker. Defaults to 4. */
  readonly slots?: number;
  /** Options of its agent. Defaults to none: no process is pre-started before the first run. */
  readonly agent?: Partial<LonghaulConfig['agents'][string]>;
  /** Further agents. Defaults to none. */
  readonly agents?: LonghaulConfig['agents'];
  /** Lets clients of Claude Managed Agents in. Defaults to no. */
  readonly managedAgents?: LonghaulConfig['managedAgents'];
  /** Limits over all runs. Defaults to no rate limit. */
  readonly limits?: LonghaulConfig['limits'];
  /** Maximum number of connections to the database. Defaults to Longhaul's. */
  readonly poolSize?: number;
  /** Variables: its database; its provider or its executable. */
  readonly variables: Readonly<Record<string, string>>;
}

/** A process of Longhaul: in one process, Longhaul and the bench would slow each other down. */
export interface LonghaulProcess {
  readonly config: Config;
  readonly pid: number;
  stop(): Promise<void>;
}

/** A `longhaul start` or `longhaul server` in a separate process. */
export interface RunningLonghaul extends LonghaulProcess {
  readonly client: LonghaulClient;
  readonly url: string;
  /** The operator's API key. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sends a request with the operator's key. */
  readonly request: (path: string, options?: RequestInit) => Promise<Response>;
}

/** Starts Longhaul with an agent that is set up as `test/support/bare-claude.ts` sets up the bare SDK. */
export async function startLonghaul(options: StartOptions): Promise<RunningLonghaul> {
  const { announcement, ...started } = await spawnLonghaul(options);
  const { url, adminKeyFile } = announcement;
  if (url === null) throw new Error('A worker alone does not answer.');
  const apiKey = adminKeyFile === null ? '' : (await readFile(adminKeyFile, 'utf8')).trim();
  const headers = { authorization: `Bearer ${apiKey}` };
  return {
    ...started,
    url,
    headers,
    client: createClient({ url, apiKey, retryForSeconds: 0 }),
    request: (path, options) => fetch(`${url}${path}`, { ...options, headers }),
  };
}

/** Starts `longhaul worker`, whose runs only a server accepts. */
export async function startWorker(options: Omit<StartOptions, 'command'>): Promise<LonghaulProcess> {
  return spawnLonghaul({ ...options, command: 'worker' });
}

async function spawnLonghaul({
  bench,
  command = 'start',
  slots = 4,
  agent,
  agents = {},
  managedAgents,
  limits,
  poolSize,
  variables,
}: StartOptions): Promise<LonghaulProcess & { announcement: Announcement }> {
  const directory = await bench.makeDirectory('longhaul');
  const config: LonghaulConfig = {
    agents: {
      [AGENT]: {
        model: 'claude-sonnet-4-5',
        tools: ['Read', 'Grep', 'Glob'],
        permissionMode: 'dontAsk',
        thinking: 'disabled',
        workspace: await bench.makeDirectory('workspace'),
        ...agent,
      },
      ...agents,
    },
    worker: { slots },
    ...(managedAgents !== undefined && { managedAgents }),
    ...(poolSize !== undefined && { database: { poolSize } }),
    limits: limits ?? { perUser: { runsPerMinute: false } },
  };
  await writeFile(path.join(directory, 'longhaul.config.mjs'), `export default ${JSON.stringify(config)};\n`);
  const usual = { HOME: directory, TMPDIR: directory, LONGHAUL_LOG_LEVEL: 'error', LONGHAUL_PORT: '0' };
  const child = spawn(process.execPath, ['--conditions=longhaul-source', MAIN, command, '--json'], {
    cwd: directory,
    env: { PATH: process.env['PATH'], ...usual, ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
    // A Ctrl-C goes to the bench, which then ends this process.
    detached: true,
  });
  const exited = once(child, 'exit');
  const stop = async () => {
    // Two different signals: the first lets runs finish, the second ends them.
    child.kill('SIGTERM');
    child.kill('SIGINT');
    // A Ctrl-C may have ended its database first: it would then try to save its runs for too long.
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };
  bench.onEnd(stop);
  const announcement = await readAnnouncement(child);
  return {
    announcement,
    config: resolveConfig({ input: config, baseDir: directory, env: variables }),
    pid: child.pid ?? 0,
    stop,
  };
}

/** `url` is null for a worker. */
interface Announcement {
  readonly url: string | null;
  readonly adminKeyFile: string | null;
}

/** Reads the line that the process prints once it listens, or works. */
async function readAnnouncement(child: ChildProcess): Promise<Announcement> {
  const died = once(child, 'exit').then(() => {
    throw new Error('longhaul start ended before it was listening.');
  });
  const [line] = (await Promise.race([once(child.stdout!, 'data'), died])) as [Buffer];
  return JSON.parse(line.toString()) as Announcement;
}
