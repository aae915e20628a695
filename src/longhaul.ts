import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { startReaper } from './agent/process-tree/reaper.ts';
import { openAccess } from './access/access.ts';
import { toScheduledSubmission } from './api/scheduled-submission.ts';
import { startAlerts } from './alert/start-alerts.ts';
import { startAudit } from './audit/start-audit.ts';
import { createApi } from './api/api.ts';
import type { InProcessBindings } from './api/authenticate.ts';
import { mountAt, toBasePath } from './api/mount.ts';
import type { UpgradeBindings } from './api/web-socket/upgrade.ts';
import { createWebSockets, type WebSockets } from './api/web-socket/web-sockets.ts';
import { createClient, type LonghaulClient } from './client/client.ts';
import type { Config, Provider } from './config/config.ts';
import { resolveConfig } from './config/resolve.ts';
import type { LonghaulConfig } from './config/schema.ts';
import { inBackground } from './core/guard.ts';
import { createId } from './core/ids.ts';
import { createLog, withFacts, type Logger } from './core/log.ts';
import { createGateway, type GatewayProvider } from './gateway/gateway.ts';
import { toUpstream, type Upstream } from './gateway/upstream.ts';
import { openStore, type Closers, type Store } from './open-store.ts';
import { createEventHub } from './stream/event-hub.ts';
import { startSchedules } from './schedule/start-schedules.ts';
import { startStats } from './stats/start-stats.ts';
import { demoScript } from './testing/demo-script.ts';
import { startScriptedModel } from './testing/scripted-model.ts';
import { VERSION } from './version.ts';
import { startWebhooks } from './webhook/start-webhooks.ts';
import { createGovernor, type Governor } from './worker/governor.ts';
import { watchStalls } from './worker/watch-stalls.ts';
import { createWorker, type LeaveReason, type Worker } from './worker/worker.ts';

export interface LonghaulOptions {
  /** The roles of this process: answer HTTP, execute runs, or both. Defaults to both. */
  readonly roles?: readonly ('server' | 'worker')[];
  /** The logger. Defaults to JSON lines on standard error at the configured level. */
  readonly log?: Logger;
  /** Directory that relative paths in the configuration start from. Defaults to the working directory. */
  readonly baseDir?: string;
  /** The environment variables of the configuration. Defaults to this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * True when the process runs only Longhaul, as under the `longhaul` command. Its `TMPDIR` is then moved, and a
   * process that is only a worker is drained when it has grown too large. Defaults to false: the process belongs to an
   * application.
   */
  readonly ownsProcess?: boolean;
  /**
   * The path below which the application serves `fetch`, such as `/api/longhaul`. Needed where its framework does not
   * remove that path itself, as in Next.js. Defaults to `http.basePath`.
   */
  readonly basePath?: string;
}

/** Longhaul inside an application: mount `fetch` where the application serves HTTP. */
export interface Longhaul {
  readonly config: Config;
  /** Answers an HTTP request of the API, `/v1/…`; starts Longhaul if it has not been started. */
  readonly fetch: (request: Request) => Promise<Response>;
  /**
   * Does the same for a Node server and frameworks built on it: `app.use('/api/longhaul', longhaul.nodeHandler)` in
   * Express.
   */
  readonly nodeHandler: (request: IncomingMessage, response: ServerResponse) => void;
  /** The client for the application itself: with every right, without HTTP and without a key. */
  readonly client: LonghaulClient;
  /**
   * Takes over a request of `/v1/stream` that upgrades to a WebSocket. The application's server calls it,
   * `server.on('upgrade', longhaul.handleUpgrade)`, for the requests that are Longhaul's.
   */
  readonly handleUpgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Closes the open WebSockets, and asks their readers to reconnect. `stop` does it too. */
  readonly closeSockets: () => Promise<void>;
  /** Opens and migrates the database and starts work. May be called again; starts only once. */
  start(): Promise<void>;
  /** The first API key, if this start created it; it is also in the data directory's `admin-key`. */
  readonly newAdminKey: string | null;
  /** The worker's id, as in `/v1/workers`; null when this process has no worker. */
  readonly workerId: string | null;
  /** Number of runs that this process is executing. */
  readonly runningCount: number;
  /**
   * Resolves when the worker has drained and left without a call of `stop`: an operator drained it over HTTP, or the
   * process, which is only a worker, has grown above `worker.restartAboveMb`. The caller then only has to stop.
   */
  readonly workerLeft: Promise<LeaveReason>;
  /**
   * Claims no more runs, and resolves when the current runs are finished; resolves to false when some are unfinished
   * after `timeoutMs`. From then on `/readyz` reports that this process is leaving; it still answers requests.
   */
  drain(timeoutMs: number): Promise<boolean>;
  /** Queues unfinished runs again, ends every process and closes the database. */
  stop(): Promise<void>;
}

type Bindings = UpgradeBindings | InProcessBindings;

interface Parts {
  readonly handle: (request: Request, bindings?: Bindings) => Response | Promise<Response>;
  readonly sockets: WebSockets;
  readonly newAdminKey: string | null;
  readonly worker: Worker | null;
}

/**
 * Creates a Longhaul from a configuration as `longhaul.config.ts` exports it, or from a resolved one.
 * @throws {LonghaulError} `config_invalid`, naming every path that is wrong.
 */
export function createLonghaul(input: LonghaulConfig | Config, options: LonghaulOptions = {}): Longhaul {
  const resolved = isResolved(input)
    ? input
    : resolveConfig({ input, baseDir: options.baseDir ?? process.cwd(), env: options.env ?? process.env });
  const basePath = toBasePath(options.basePath ?? resolved.http.basePath);
  const config = { ...resolved, http: { ...resolved.http, basePath } };
  const roles = options.roles ?? ['server', 'worker'];
  const workerId = roles.includes('worker') ? createId() : null;
  const givenLog = options.log ?? createLog(config.logLevel);
  const ownLog = workerId === null ? givenLog : withFacts(givenLog, { workerId });
  const closers: Closers = [];
  /** Aborts on `stop`: a start that waits for the database then ends. */
  const stopped = new AbortController();
  let isLeaving = false;
  const workerLeft = Promise.withResolvers<LeaveReason>();
  let starting: Promise<Parts> | null = null;
  let started: Parts | null = null;
  let stopping: Promise<void> | null = null;

  async function open(): Promise<Parts> {
    for (const warning of config.warnings) ownLog.warn({}, warning);
    const store = await openStore(config, {
      log: ownLog,
      closers,
      makesAdminKey: roles.includes('server'),
      signal: stopped.signal,
    });
    const { database, queue, log, newAdminKey } = store;
    const hub = await createEventHub(database);
    closers.push(() => hub.close());
    const access = await openAccess({ database, log });
    closers.push(() => access.close());
    closers.push(startAudit({ database, retentionDays: config.audit.retentionDays, log }));
    closers.push(startAlerts({ config, database, queue, log }));
    closers.push(startStats({ config, database, queue, log }));
    closers.push(
      startSchedules({
        database,
        queue,
        rules: config,
        toSubmission: (schedule) => toScheduledSubmission(schedule, config.agents),
        log,
      }),
    );
    const { ownsProcess = false } = options;
    // Only for a process without a worker: a worker has its own reaper.
    if (ownsProcess && !roles.includes('worker')) closers.push(watchServer(config, log));
    if (roles.includes('server')) {
      const webhooks = await startWebhooks({ database, config: config.webhooks, log });
      closers.push(webhooks.stop);
    }
    const server = { isLeaving: () => isLeaving, version: VERSION, basePath, log };
    const api = createApi({ access, config, database, queue, hub, ...server });
    const handle = mountAt<Bindings>(basePath, api.fetch);
    const sockets = createWebSockets({ fetch: handle });
    closers.push(() => sockets.close());

    let worker: Worker | null = null;
    if (roles.includes('worker')) {
      const { agents, providers } = config;
      const governor = await createGovernor({ database, queue, agents, providers, log });
      closers.push(() => governor.close());
      const gateway = await createGateway({
        providers: await openProviders(governor),
        silenceMs: config.providerSilenceSeconds * 1_000,
        prices: config.prices,
        log,
      });
      closers.push(() => gateway.close());
      const isAlone = ownsProcess && !roles.includes('server');
      worker = createWorker({
        ...(workerId !== null && { id: workerId }),
        config,
        database,
        queue,
        gateway,
        governor,
        version: VERSION,
        ownsProcess,
        isAlone,
        log,
      });
      workerLeft.resolve(worker.left);
      const { stop } = worker;
      closers.push(stop);
      await worker.start();
    }
    return { handle, sockets, newAdminKey, worker };
  }

  /** Opens the providers that agents use, and no others. */
  async function openProviders({ of }: Pick<Governor, 'of'>): Promise<Map<string, GatewayProvider>> {
    const opened = new Map<string, GatewayProvider>();
    for (const name of new Set([...config.agents.values()].map(({ provider }) => provider))) {
      const provider = config.providers.get(name);
      if (provider === undefined) continue;
      const prices = provider.kind === 'scripted' ? {} : (provider.prices ?? {});
      opened.set(name, { upstream: await openUpstream(provider), governor: of(name), prices });
    }
    return opened;
  }

  async function openUpstream(provider: Provider): Promise<Upstream> {
    if (provider.kind !== 'scripted') return toUpstream(provider);
    const model = await startScriptedModel({ script: demoScript, keepRequests: 0 });
    closers.push(() => model.close());
    return { baseUrl: model.url, headers: {} };
  }

  /** Closes every opened part, last first; an error in one does not keep the others open. */
  async function closeAll(): Promise<void> {
    for (const close of closers.splice(0).reverse()) {
      await Promise.resolve(close()).catch((err: unknown) => ownLog.error({ err }, 'a part did not close cleanly'));
    }
  }

  async function start(): Promise<void> {
    starting ??= open().catch(async (error: unknown) => {
      await closeAll();
      starting = null;
      throw error;
    });
    started = await starting;
  }

  async function answer(request: Request, bindings?: Bindings): Promise<Response> {
    if (started === null) await start();
    return started!.handle(request, bindings);
  }

  const listener = getRequestListener((request) => answer(request), { overrideGlobalObjects: false });

  return {
    config,
    start,
    workerId,
    workerLeft: workerLeft.promise,
    fetch: (request) => answer(request),
    nodeHandler: (request, response) => inBackground(() => listener(request, response)),
    client: createClient({
      url: 'http://longhaul.localhost',
      retryForSeconds: 0,
      fetch: (request) => answer(request, { isInProcess: true }),
    }),
    handleUpgrade(request, socket, head) {
      start().then(
        () => started!.sockets.handleUpgrade(request, socket, head),
        () => socket.destroy(), // The caller of `start`, or of any request, gets the error.
      );
    },
    async closeSockets() {
      await started?.sockets.close();
    },
    get newAdminKey() {
      return started?.newAdminKey ?? null;
    },
    get runningCount() {
      return started?.worker?.runningCount ?? 0;
    },
    async drain(timeoutMs) {
      isLeaving = true;
      return (await started?.worker?.drain(timeoutMs)) ?? true;
    },
    stop() {
      isLeaving = true;
      stopped.abort(new Error('Longhaul was stopped.'));
      stopping ??= (async () => {
        await starting?.catch(() => {}); // The caller of `start` gets this error.
        await closeAll();
      })();
      return stopping;
    },
  };
}

/**
 * Migrates the database and its queue to this version's schema, and activates the admin key that the environment
 * variables set. With `makesAdminKey`, creates an admin key when none exists.
 */
export async function migrateOnly(
  config: Config,
  { makesAdminKey, log = createLog(config.logLevel) }: { makesAdminKey: boolean; log?: Logger },
): Promise<Pick<Store, 'applied' | 'newAdminKey'>> {
  const closers: Closers = [];
  try {
    return await openStore(config, { log, closers, makesAdminKey: makesAdminKey || config.adminKey !== null });
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function isResolved(input: LonghaulConfig | Config): input is Config {
  return input.agents instanceof Map;
}

/**
 * Ends a server whose event loop is blocked, so that its supervisor starts it again. Returns a function that stops the
 * watch.
 */
function watchServer({ worker: { maxStallSeconds } }: Config, log: Logger): () => Promise<void> {
  const reaper = startReaper({ maxStallSeconds });
  const stalls = watchStalls({ reaper, log });
  return async () => {
    stalls.stop();
    await reaper.dismiss();
  };
}
