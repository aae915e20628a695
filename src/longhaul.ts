import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import { toBasePath } from './api/mount.ts';
import { createClient, type LonghaulClient } from './client/client.ts';
import type { Config } from './config/config.ts';
import { resolveConfig } from './config/resolve.ts';
import type { LonghaulConfig } from './config/schema.ts';
import { inBackground } from './core/guard.ts';
import { createId } from './core/ids.ts';
import { createLog, withFacts, type Logger } from './core/log.ts';
import { createLifecycle } from './lifecycle.ts';
import type { Bindings } from './open-parts.ts';
import { openStore, type Closers, type Store } from './open-store.ts';
import type { LeaveReason } from './worker/worker.ts';

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

/**
 * Creates a Longhaul from a configuration as `longhaul.config.ts` exports it, or from a resolved one.
 * @throws {LonghaulError} `config_invalid`, naming every path that is wrong.
 */
export function createLonghaul(input: LonghaulConfig | Config, options: LonghaulOptions = {}): Longhaul {
  const config = toConfig(input, options);
  const roles = options.roles ?? ['server', 'worker'];
  const workerId = roles.includes('worker') ? createId() : null;
  const log = options.log ?? createLog(config.logLevel);
  const workerLeft = Promise.withResolvers<LeaveReason>();
  const lifecycle = createLifecycle({
    config,
    isServer: roles.includes('server'),
    workerId,
    ownsProcess: options.ownsProcess ?? false,
    onWorkerLeft: workerLeft.resolve,
    log: workerId === null ? log : withFacts(log, { workerId }),
  });
  const answer = async (request: Request, bindings?: Bindings) => (await lifecycle.start()).handle(request, bindings);
  const listener = getRequestListener((request) => answer(request), { overrideGlobalObjects: false });

  return {
    config,
    workerId,
    workerLeft: workerLeft.promise,
    async start() {
      await lifecycle.start();
    },
    fetch: (request) => answer(request),
    nodeHandler: (request, response) => inBackground(() => listener(request, response)),
    client: createClient({
      url: 'http://longhaul.localhost',
      retryForSeconds: 0,
      fetch: (request) => answer(request, { isInProcess: true }),
    }),
    handleUpgrade(request, socket, head) {
      lifecycle.start().then(
        ({ sockets }) => sockets.handleUpgrade(request, socket, head),
        () => socket.destroy(), // The caller of `start`, or of any request, gets the error.
      );
    },
    async closeSockets() {
      await lifecycle.parts?.sockets.close();
    },
    get newAdminKey() {
      return lifecycle.parts?.newAdminKey ?? null;
    },
    get runningCount() {
      return lifecycle.parts?.worker?.runningCount ?? 0;
    },
    async drain(timeoutMs) {
      lifecycle.leave();
      return (await lifecycle.parts?.worker?.drain(timeoutMs)) ?? true;
    },
    stop: lifecycle.stop,
  };
}

function toConfig(input: LonghaulConfig | Config, options: LonghaulOptions): Config {
  const { baseDir = process.cwd(), env = process.env } = options;
  const config = isResolved(input) ? input : resolveConfig({ input, baseDir, env });
  return { ...config, http: { ...config.http, basePath: toBasePath(options.basePath ?? config.http.basePath) } };
}

function isResolved(input: LonghaulConfig | Config): input is Config {
  return input.agents instanceof Map;
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
