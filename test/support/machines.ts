import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findAttemptProcesses } from './marked-processes.ts';
import { createClient, type EventResource, type LonghaulClient, type RunResource } from '../../src/client/client.ts';
import type { LonghaulConfig } from '../../src/config/schema.ts';
import { createLog } from '../../src/core/log.ts';
import { createLonghaul } from '../../src/longhaul.ts';
import { startScriptedModel, type Script, type ScriptedModel } from '../../src/testing/index.ts';
import { createPostgresDatabase } from './databases.ts';
import { spawnCommand, type RunningCommand } from './run-command.ts';

/** A worker or server as a separate process that shares only the database with the others. */
export interface Machine extends RunningCommand {
  /** Finds the ids of the live processes of its attempts. */
  findAttemptPids(): Promise<number[]>;
}

interface MachineOptions {
  /** Another URL of the database. */
  readonly databaseUrl?: string;
  readonly role?: 'worker' | 'server';
  readonly port?: number;
  /** Options of this worker that differ from the common ones. */
  readonly worker?: LonghaulConfig['worker'];
}

/** Machines on one PostgreSQL, with a server in this process and a shared model. */
export interface Machines extends AsyncDisposable {
  readonly directory: string;
  /** Directory that agents see beside their own. */
  readonly sharedDir: string;
  readonly databaseUrl: string;
  readonly model: ScriptedModel;
  readonly apiKey: string;
  /** Client of the server in this process. */
  readonly client: LonghaulClient;
  /** Sends a request to that server. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Starts a machine and waits until it is ready. */
  start(name: string, options?: MachineOptions): Promise<Machine>;
}

const CONFIG: LonghaulConfig = {
  worker: { slots: 1 },
  http: { shutdownDelaySeconds: 0 },
  agents: {
    // Retries only after a lost worker, which are immediate.
    teller: { model: 'claude-sonnet-4-5', tools: [], prewarm: false, retry: { maxAttempts: 3 } },
    doer: { model: 'claude-sonnet-4-5', tools: ['Bash'], prewarm: false, retry: { maxAttempts: 3 } },
    // The first waits for a decision with its process, the second without.
    holding: {
      model: 'claude-sonnet-4-5',
      tools: ['Bash'],
      ask: ['Bash'],
      approvals: { holdSeconds: 120 },
      prewarm: false,
      retry: { maxAttempts: 1 },
    },
    parking: {
      model: 'claude-sonnet-4-5',
      tools: ['Bash'],
      ask: ['Bash'],
      approvals: { holdSeconds: 0 },
      prewarm: false,
      retry: { maxAttempts: 1 },
    },
    steered: {
      model: 'claude-sonnet-4-5',
      tools: ['Bash'],
      prewarm: false,
      retry: { maxAttempts: 3 },
      whileBusy: 'steer',
    },
  },
  managedAgents: { template: 'doer' },
  webhooks: { allowHttp: true, allowPrivateAddresses: true },
};

interface MachinesOptions {
  /** URL of an existing database. Defaults to a new one on the test run's server. */
  readonly databaseUrl?: string;
  /** Variables of all processes, in addition to the usual ones. Defaults to none. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Lets agents that use Bash write to the directory that the machines share, also from a sandbox. */
function withSharedDir(sharedDir: string): LonghaulConfig {
  const agents = Object.entries(CONFIG.agents).map(([name, agent]) => {
    const sandbox = { files: { write: [sharedDir] } };
    return [name, agent.tools.length === 0 ? agent : { ...agent, sandbox }] as const;
  });
  return {
    ...CONFIG,
    agents: Object.fromEntries(agents),
    worker: { ...CONFIG.worker, visiblePaths: [sharedDir] },
  };
}

/** Creates a database, a model and a server for workers that a test then starts and disturbs. */
export async function createMachines(script: Script, options: MachinesOptions = {}): Promise<Machines> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-machines-'));
  const sharedDir = path.join(directory, 'shared');
  await mkdir(sharedDir);
  const config = withSharedDir(sharedDir);
  const { databaseUrl, env = {} } = options;
  const postgres =
    databaseUrl === undefined ? await createPostgresDatabase() : { url: databaseUrl, drop: () => Promise.resolve() };
  const model = await startScriptedModel({ script });
  const started: Machine[] = [];
  const server = createLonghaul(config, {
    roles: ['server'],
    log: createLog('silent'),
    baseDir: directory,
    env: { LONGHAUL_DATABASE_URL: postgres.url, LONGHAUL_DATA_DIR: path.join(directory, 'here'), ...env },
  });
  await server.start();
  const apiKey = (await readFile(path.join(directory, 'here/admin-key'), 'utf8')).trim();

  async function start(name: string, options: MachineOptions = {}): Promise<Machine> {
    const { databaseUrl = postgres.url, role = 'worker', port = 0 } = options;
    const ownConfig = { ...config, worker: { ...config.worker, ...options.worker } };
    const home = path.join(directory, name);
    await mkdir(home, { recursive: true });
    await writeFile(path.join(home, 'longhaul.config.mjs'), `export default ${JSON.stringify(ownConfig)};\n`);
    const command = spawnCommand([role], {
      cwd: home,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: home,
        TMPDIR: home,
        LONGHAUL_DATABASE_URL: databaseUrl,
        LONGHAUL_PORT: String(port),
        LONGHAUL_LOG_LEVEL: 'warn',
        ANTHROPIC_BASE_URL: model.url,
        ANTHROPIC_API_KEY: 'scripted',
        ...env,
      },
    });
    const machine = {
      ...command,
      findAttemptPids: async () => (await findAttemptProcesses([command.pid])).map(({ pid }) => pid),
    };
    started.push(machine);
    await machine.printed(/Longhaul (?:worker )?is/);
    return machine;
  }

  return {
    directory,
    sharedDir,
    databaseUrl: postgres.url,
    model,
    apiKey,
    client: createClient({ url: 'http://longhaul.test', apiKey, fetch: server.fetch }),
    fetch: (request) => server.fetch(request),
    start,
    async [Symbol.asyncDispose]() {
      for (const machine of started) machine.kill('SIGKILL');
      await Promise.all(started.map(({ ended }) => ended));
      await server.stop();
      await model.close();
      await postgres.drop();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Follows a run to its end and calls `onEvent` with each event. */
export async function followToEnd(
  client: LonghaulClient,
  id: string,
  onEvent: (event: EventResource) => void = () => {},
): Promise<EventResource[]> {
  const events: EventResource[] = [];
  for await (const event of client.stream(id)) {
    events.push(event);
    onEvent(event);
  }
  return events;
}

/** Resolves with a run's first event of the type, existing or future. */
export async function untilEvent(client: LonghaulClient, id: string, type: string): Promise<EventResource> {
  for await (const event of client.stream(id)) if (event.type === type) return event;
  throw new Error(`Run ${id} ended without ${type}.`);
}

/** Resolves with a run when it is finished. */
export async function untilEnded(client: LonghaulClient, id: string): Promise<RunResource> {
  for (;;) {
    const run = await client.run(id, { waitSeconds: 60 });
    if (run.finishedAt !== null) return run;
  }
}
