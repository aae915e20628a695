import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { adminKeyFile } from '../api/admin-key.ts';
import { listen } from '../api/listen.ts';
import { createClient, type AcceptedRunResource, type LonghaulClient } from '../client/client.ts';
import type { Config } from '../config/config.ts';
import { createLog } from '../core/log.ts';
import { settlesWithin } from '../core/settles-within.ts';
import { createLonghaul } from '../longhaul.ts';
import { startScriptedModel } from '../scripted-model/scripted-model.ts';
import { DRILL, DRILL_AGENTS, toDrillConfig, type DrillAgent } from './drill-config.ts';
import type { DrillProcess } from './drill-process.ts';
import { createProcesses } from './drill-processes.ts';
import { drillScript } from './drill-script.ts';

/** The agent of the drills that leave their worker alone. */
export const STEADY = 'longhaul-drill-steady';

/** Longest time for the end of a fleet to wait for its server, in ms. */
const END_TIMEOUT_MS = 10_000;

/** The processes of a drill, beside those of the deployment: a model, a server and workers. */
export interface DrillFleet {
  readonly kind: 'postgres' | 'embedded';
  /** The deployment's configuration. */
  readonly config: Config;
  readonly directory: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `application_name` of the connections of this drill's server; null on an embedded database. */
  readonly applicationName: string | null;
  readonly client: LonghaulClient;
  /** The address of the server and the credential for a user's events. */
  address(user: string): Promise<{ readonly url: string; readonly authorization: string }>;
  /**
   * Starts a worker that takes the runs of one agent. On an embedded database it is the one process, with the server;
   * it is started only if it is not running.
   */
  startWorker(agent: DrillAgent, options?: { readonly restartAboveMb?: number }): Promise<DrillProcess>;
  /** Starts the worker that drills share which leave it alone, if it is not running. */
  startSteadyWorker(): Promise<DrillProcess>;
  /** Submits a run, marked as a drill's. Its user, `longhaul-drill-…`, has rate limits and budgets like any other. */
  submit(agent: DrillAgent, options: SubmitOptions): Promise<AcceptedRunResource>;
  close(): Promise<void>;
}

interface SubmitOptions {
  readonly prompt: string;
  /** Defaults to the agent's name. */
  readonly user?: string;
  readonly maxBudgetUsd?: number;
}

interface OpenOptions {
  readonly config: Config;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Starts the model and the server. `close` leaves no process, unfinished run or directory. */
export async function openFleet({ config, cwd, env, signal }: OpenOptions): Promise<DrillFleet> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closeOne of closers.splice(0).reverse()) await closeOne().catch(() => {}); // The others are closed too.
  };
  try {
    const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-drill-'));
    closers.push(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
    const model = await startScriptedModel({ script: drillScript, keepRequests: 0 });
    closers.push(() => model.close());
    const processes = createProcesses({ config, cwd, env, signal, modelUrl: model.url, directory });
    closers.push(processes.endAll);
    const own = { config, cwd, env, directory, close };
    const server =
      config.databaseUrl === null
        ? await openEmbedded(processes)
        : await openGuest(config, { model, directory, closers });
    const submit: DrillFleet['submit'] = (agent, { prompt, user = agent, maxBudgetUsd }) =>
      server.client.submit({
        agent,
        prompt,
        user,
        metadata: { [DRILL]: 'true' },
        ...(maxBudgetUsd !== undefined && { limits: { maxBudgetUsd } }),
      });
    closers.push(async () => void (await settlesWithin(cancelUnfinished(server.client), END_TIMEOUT_MS)));
    const startWorker = server.startWorker ?? processes.startWorker;
    let steady: Promise<DrillProcess> | null = null;
    return {
      ...own,
      ...server,
      submit,
      startWorker,
      startSteadyWorker() {
        // On an embedded database another drill may have ended it.
        if (server.kind === 'embedded') return startWorker(STEADY);
        return (steady ??= startWorker(STEADY));
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Server = Pick<DrillFleet, 'kind' | 'applicationName' | 'client' | 'address'> & {
  readonly startWorker?: DrillFleet['startWorker'];
};

/** A server in this process, as a guest on the deployment's PostgreSQL. */
async function openGuest(
  config: Config,
  { model, directory, closers }: { model: { url: string }; directory: string; closers: (() => Promise<unknown>)[] },
): Promise<Server> {
  const applicationName = `longhaul drill ${randomUUID().slice(0, 8)}`;
  const databaseUrl = new URL(config.databaseUrl ?? '');
  databaseUrl.searchParams.set('application_name', applicationName);
  const drillConfig = { ...toDrillConfig(config, { modelUrl: model.url, directory }), databaseUrl: databaseUrl.href };
  const longhaul = createLonghaul(drillConfig, { roles: ['server'], log: createLog('silent'), onlyAgents: [] });
  closers.push(() => longhaul.stop());
  await longhaul.start();
  const listening = await listen({
    fetch: (request) => longhaul.fetch(request),
    sockets: longhaul,
    host: '127.0.0.1',
    port: 0,
    limits: { keepAliveMs: 5_000 },
    onWarning: () => {},
  });
  closers.push(() => listening.close());
  return {
    kind: 'postgres',
    applicationName,
    client: longhaul.client,
    async address(user) {
      const { token } = await longhaul.client.createToken({ user });
      return { url: listening.url, authorization: `Bearer ${token}` };
    },
  };
}

/** A server with its worker in one process, on a database of the drill. */
async function openEmbedded({ startAll }: ReturnType<typeof createProcesses>): Promise<Server> {
  let current = await startAll(0);
  const { adminKeyFile: keyFile } = current.announced;
  const url = current.announced.url ?? '';
  const apiKey = (await readFile(keyFile ?? adminKeyFile(''), 'utf8')).trim();
  const client = createClient({ url, apiKey });
  let isRunning = true;
  const watch = async ({ ended }: DrillProcess) => {
    await ended;
    isRunning = false;
  };
  let watching = watch(current);
  return {
    kind: 'embedded',
    applicationName: null,
    client,
    address: () => Promise.resolve({ url, authorization: `Bearer ${apiKey}` }),
    async startWorker() {
      if (isRunning) return current;
      await watching;
      current = await startAll(Number(new URL(url).port));
      isRunning = true;
      watching = watch(current);
      return current;
    },
  };
}

/** A run of a drill that failed half-way would wait for a worker that no longer exists. */
async function cancelUnfinished(client: LonghaulClient): Promise<void> {
  for (const agent of DRILL_AGENTS) {
    const { data } = await client.runs({ agent, anyStatus: ['queued', 'running', 'waiting'], limit: 50 });
    for (const { id } of data) await client.cancel(id);
  }
}
