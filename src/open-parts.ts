import { openAccess } from './access/access.ts';
import { startReaper } from './agent/process-tree/reaper.ts';
import { startAlerts } from './alert/start-alerts.ts';
import { createApi } from './api/api.ts';
import type { InProcessBindings } from './api/authenticate.ts';
import { mountAt } from './api/mount.ts';
import { toScheduledSubmission } from './api/scheduled-submission.ts';
import type { UpgradeBindings } from './api/web-socket/upgrade.ts';
import { createWebSockets, type WebSockets } from './api/web-socket/web-sockets.ts';
import { startAudit } from './audit/start-audit.ts';
import type { Config, Provider } from './config/config.ts';
import type { Logger } from './core/log.ts';
import { createGateway, type GatewayProvider } from './gateway/gateway.ts';
import { toUpstream, type Upstream } from './gateway/upstream.ts';
import { openMetricsPort } from './metrics-port.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { startTotals } from './metrics/start-totals.ts';
import { openStore, type Closers, type Store } from './open-store.ts';
import { createDeploymentTicker } from './managed/deployments/deployment-ticker.ts';
import { createManagedApi, isManagedRequest } from './managed/managed.ts';
import { createScheduleTicker } from './schedule/schedule-ticker.ts';
import { startTicks } from './schedule/start-ticks.ts';
import { demoScript } from './scripted-model/demo-script.ts';
import { startScriptedModel } from './scripted-model/scripted-model.ts';
import { startStats } from './stats/start-stats.ts';
import { createEventHub } from './stream/event-hub.ts';
import { openTracing } from './tracing/tracing.ts';
import { VERSION } from './version.ts';
import { startWebhooks } from './webhook/start-webhooks.ts';
import { createGovernor, type Governor } from './worker/governor.ts';
import { watchStalls } from './worker/watch-stalls.ts';
import { createWorker, type LeaveReason, type Worker } from './worker/worker.ts';

export type Bindings = UpgradeBindings | InProcessBindings;

/** The open parts of a Longhaul. */
export interface Parts {
  readonly handle: (request: Request, bindings?: Bindings) => Response | Promise<Response>;
  readonly sockets: WebSockets;
  readonly newAdminKey: string | null;
  /** Null when this process has no worker. */
  readonly worker: Worker | null;
  /** Address of the port for metrics alone; null when there is none. */
  readonly metricsUrl: string | null;
}

export interface PartsOptions {
  readonly config: Config;
  /** True when this process answers HTTP for others, and does the work of a server. */
  readonly isServer: boolean;
  /** The worker's id; null when this process has no worker. */
  readonly workerId: string | null;
  readonly ownsProcess: boolean;
  /** Makes the process a guest: see `LonghaulOptions`. */
  readonly onlyAgents?: readonly string[] | undefined;
  /** Receives the reason when the worker has left by itself. */
  readonly onWorkerLeft: (reason: Promise<LeaveReason>) => void;
  /** Receives a function for each opened part that closes it, also when a later part cannot be opened. */
  readonly closers: Closers;
  /** Aborts the start. */
  readonly signal: AbortSignal;
  /** Returns whether `/readyz` reports that this process is leaving. */
  readonly isLeaving: () => boolean;
  readonly log: Logger;
}

/** The parts that follow, with the open store. */
interface OpenOptions extends PartsOptions {
  readonly store: Store;
  readonly metrics: Metrics;
}

/** Opens the database, migrates it and starts the work of this process, part by part. */
export async function openParts(options: PartsOptions): Promise<Parts> {
  const { config, isServer, workerId, onlyAgents, closers, signal } = options;
  for (const warning of config.warnings) options.log.warn({}, warning);
  const store = await openStore(config, {
    log: options.log,
    closers,
    makesAdminKey: isServer && onlyAgents === undefined,
    isWorkerAlone: isWorkerAlone(options),
    signal,
  });
  const { log } = store;
  closers.push(await openTracing({ config, version: VERSION, workerId, log }));
  const metrics = openMetrics(options, store);
  const open = { ...options, store, metrics, log: store.log };
  const api = await openApi(open);
  const worker = workerId === null ? null : await openWorker(open, workerId);
  const metricsUrl = await listenForMetrics(open, api);
  return { ...api, newAdminKey: store.newAdminKey, worker, metricsUrl };
}

/** Returns whether the process serves only a worker. */
function isWorkerAlone({ isServer, ownsProcess }: Pick<PartsOptions, 'isServer' | 'ownsProcess'>): boolean {
  return ownsProcess && !isServer;
}

/** Counts from the start where somebody is expected to ask: not in an application that mounts Longhaul. */
function openMetrics({ config, isServer, workerId, ownsProcess, closers }: PartsOptions, store: Store): Metrics {
  const { database, log } = store;
  const metrics = createMetrics({ config, database, hasFleet: isServer, version: VERSION, workerId, log });
  closers.push(() => metrics.close());
  const { port, isPushed } = config.metrics;
  if (port !== null || isPushed || (isServer && ownsProcess)) metrics.start();
  return metrics;
}

/** Listens last, so that a worker that can be probed is ready. */
async function listenForMetrics({ config, metrics, closers, log }: OpenOptions, { handle }: Pick<Parts, 'handle'>) {
  const { port } = config.metrics;
  if (port === null) return null;
  const listening = await openMetricsPort({
    config: { ...config.metrics, port },
    handle,
    metrics,
    onWarning: (facts, message) => log.warn(facts, message),
  });
  closers.push(() => listening.close());
  log.info({ url: listening.url }, 'metrics are served');
  return listening.url;
}

async function openApi(options: OpenOptions): Promise<Pick<Parts, 'handle' | 'sockets'>> {
  const { config, store, metrics, closers, log } = options;
  const { database, queue } = store;
  const hub = await createEventHub(database);
  closers.push(() => hub.close());
  const access = await openAccess({ database, log });
  closers.push(() => access.close());
  if (options.onlyAgents === undefined) await startServices(options);
  const { basePath } = config.http;
  const server = { isLeaving: options.isLeaving, version: VERSION, basePath, log };
  const api = createApi({ access, config, database, queue, hub, metrics, ...server });
  const { isLeaving } = options;
  const managed = createManagedApi({ access, config, database, queue, hub, isLeaving, log });
  const handle = mountAt<Bindings>(basePath, (request, bindings) =>
    isManagedRequest(request) ? managed(request) : api.fetch(request, bindings),
  );
  const sockets = createWebSockets({ fetch: handle });
  closers.push(() => sockets.close());
  return { handle, sockets };
}

/** Starts the work that no request asks for. */
async function startServices({ config, store, closers, isServer, workerId, ownsProcess, log }: OpenOptions) {
  const { database, queue } = store;
  closers.push(startAudit({ database, retentionDays: config.audit.retentionDays, log }));
  closers.push(startAlerts({ config, database, queue, log }));
  closers.push(startStats({ config, database, queue, log }));
  closers.push(startTotals({ database, log }));
  const ticker = createScheduleTicker({
    database,
    queue,
    rules: config,
    toSubmission: (schedule) => toScheduledSubmission(schedule, config.agents),
  });
  closers.push(startTicks({ database, ticker, words: { row: 'schedule', made: 'run' }, log }));
  if (config.managedAgents !== null) {
    const deployments = createDeploymentTicker({ config, database, queue });
    closers.push(startTicks({ database, ticker: deployments, words: { row: 'deployment', made: 'session' }, log }));
  }
  // Only for a process without a worker: a worker has its own reaper.
  if (ownsProcess && workerId === null) closers.push(watchServer(config, log));
  if (!isServer) return;
  const webhooks = await startWebhooks({ database, config: config.webhooks, log });
  closers.push(webhooks.stop);
}

async function openWorker(options: OpenOptions, id: string): Promise<Worker> {
  const { config, store, closers, ownsProcess, log } = options;
  const { database, queue } = store;
  const { agents, providers } = config;
  const governor = await createGovernor({ database, queue, agents, providers, log });
  closers.push(() => governor.close());
  const gateway = await createGateway({
    providers: await openProviders(options, governor),
    silenceMs: config.providerSilenceSeconds * 1_000,
    prices: config.prices,
    log,
  });
  closers.push(() => gateway.close());
  const worker = createWorker({
    id,
    config,
    database,
    queue,
    gateway,
    governor,
    version: VERSION,
    ownsProcess,
    onlyAgents: options.onlyAgents,
    isAlone: isWorkerAlone(options),
    log,
  });
  options.onWorkerLeft(worker.left);
  closers.push(() => worker.stop());
  await worker.start();
  return worker;
}

/** Opens the providers that agents use, and no others. */
async function openProviders(
  { config, closers }: OpenOptions,
  { of }: Pick<Governor, 'of'>,
): Promise<Map<string, GatewayProvider>> {
  const opened = new Map<string, GatewayProvider>();
  for (const name of new Set([...config.agents.values()].map(({ provider }) => provider))) {
    const provider = config.providers.get(name);
    if (provider === undefined) continue;
    const prices = provider.kind === 'scripted' ? {} : (provider.prices ?? {});
    opened.set(name, { upstream: await openUpstream(provider, closers), governor: of(name), prices });
  }
  return opened;
}

async function openUpstream(provider: Provider, closers: Closers): Promise<Upstream> {
  if (provider.kind !== 'scripted') return toUpstream(provider);
  const model = await startScriptedModel({ script: demoScript, keepRequests: 0 });
  closers.push(() => model.close());
  return { baseUrl: model.url, headers: {} };
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
