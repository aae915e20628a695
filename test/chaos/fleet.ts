import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findExecutable } from '../../src/agent/process/executable.ts';
import type { LonghaulConfig } from '../../src/config/schema.ts';
import { createClient, type LonghaulClient } from '../../src/client/client.ts';
import { findFreePort } from '../support/embedded-postgres.ts';
import { startPostgresServer, type PostgresServer } from '../support/postgres-server.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { AWS_CREDENTIALS, startSqsServer } from '../support/sqs-server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { startChaosModel, type ChaosModel } from './model.ts';
import { supervise, type Ending, type Supervised } from './supervised.ts';
import { toJournalScript } from './task.ts';

/** The processes: a PostgreSQL, a server behind a proxy, workers as on separate machines, and a model. */
export interface Fleet {
  readonly directory: string;
  readonly journalDir: string;
  readonly postgres: PostgresServer;
  /** The backend that wakes the workers; null when the database does. */
  readonly backend: FleetBackend | null;
  readonly model: ChaosModel;
  readonly server: Supervised;
  readonly workers: readonly Supervised[];
  /** Proxies between the workers, in the same order, and PostgreSQL. */
  readonly databaseProxies: readonly TcpProxy[];
  /** The proxy in front of the server. */
  readonly proxy: TcpProxy;
  /** Executables of an agent's process, without the tools: the real Claude Code, and Node with the stub. */
  readonly executables: readonly string[];
  /** A client that calls the server through the proxy. */
  readonly client: LonghaulClient;
  /** Resolves when every killed worker works again, after a minute, or when `signal` is aborted. */
  untilWorking(signal: AbortSignal): Promise<void>;
  /** Ends the workers as a supervisor does, and returns how each ended. */
  stopWorkers(): Promise<(Ending | null)[]>;
  /** Returns the temporary files that are left on the workers' machines. */
  findLeftovers(): Promise<string[]>;
  /** Ends everything. The directory with the logs stays when `isKept`. */
  close(options: { isKept: boolean }): Promise<void>;
}

/** The kinds of queue backend that a fleet can have. */
export const QUEUE_BACKENDS = ['database', 'redis', 'sqs'] as const;

export type FleetBackendKind = (typeof QUEUE_BACKENDS)[number];

export interface FleetBackend {
  /** Variables of every process of the fleet. */
  readonly env: Readonly<Record<string, string>>;
  kill(): Promise<void>;
  /** Starts it again, empty. */
  start(): Promise<void>;
  freeze(): void;
  thaw(): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

async function startBackend(kind: FleetBackendKind): Promise<FleetBackend | null> {
  if (kind === 'database') return null;
  if (kind === 'redis') {
    const server = await startRedisServer();
    return { ...server, env: { LONGHAUL_QUEUE_URL: server.url } };
  }
  const server = await startSqsServer();
  const url = `sqs://eu-west-1?endpoint=${server.endpoint}`;
  return { ...server, env: { LONGHAUL_QUEUE_URL: url, ...AWS_CREDENTIALS } };
}

const STUB = path.resolve(import.meta.dirname, '../fixtures/stub-claude.ts');

/** The chain of timeouts, short: run < expiry < drain < supervisor. */
const TIMEOUTS = { runSeconds: 40, expireSeconds: 45, drainTimeoutSeconds: 50, stopWaitSeconds: 55 };

/** Time within which attempts may begin: a run that the provider refuses for ever ends after 75 s of waits. */
export const DEADLINE_SECONDS = 120;

const START_TIMEOUT_MS = 60_000;

/** Time that a process may take to end when its runs no longer matter. */
const STOP_TIMEOUT_MS = 5_000;

interface StartOptions {
  readonly role: 'server' | 'worker';
  readonly port: number;
  readonly databasePort: number;
}

/** Starts all processes, and resolves when the server answers. */
export async function startFleet(options: { workers: number; backend: FleetBackendKind }): Promise<Fleet> {
  const closers: (() => Promise<unknown>)[] = [];
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-chaos-'));
  const journalDir = path.join(directory, 'journal');
  const names = Array.from({ length: options.workers }, (_, index) => `w${index + 1}`);

  async function close({ isKept }: { isKept: boolean }): Promise<void> {
    for (const closeOne of closers.splice(0).reverse()) {
      await closeOne().catch((error: unknown) => console.error('Something did not close cleanly:', error));
    }
    if (!isKept) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  }

  try {
    await mkdir(journalDir);
    const journalScript = path.join(directory, 'journal.sh');
    await writeFile(journalScript, toJournalScript(journalDir));
    const { claudePath, executables } = await writeExecutable(directory);
    await writeFile(
      path.join(directory, 'longhaul.config.mjs'),
      `export default ${JSON.stringify(toConfig(claudePath, journalDir))};\n`,
    );
    const postgres = await startPostgresServer();
    closers.push(() => postgres.close());
    const backend = await startBackend(options.backend);
    if (backend !== null) closers.push(() => backend.close());
    const model = await startChaosModel({ journalScript });
    closers.push(() => model.close());
    const serverPort = await findFreePort();
    const proxy = await startTcpProxy(serverPort);
    closers.push(() => proxy.close());
    const databaseUrl = new URL(postgres.url);
    const databaseProxies = await Promise.all(names.map(() => startTcpProxy(Number(databaseUrl.port))));
    closers.push(() => Promise.all(databaseProxies.map((each) => each.close())));

    // In parallel, because each may take long.
    const supervised: Supervised[] = [];
    closers.push(() => Promise.all(supervised.map((each) => each.stop(STOP_TIMEOUT_MS))));
    const start = async (name: string, { role, port, databasePort }: StartOptions) => {
      const machine = path.join(directory, name);
      await mkdir(path.join(machine, 'tmp'), { recursive: true });
      const started = supervise({
        name,
        args: [role, '--config', path.join(directory, 'longhaul.config.mjs')],
        directory: machine,
        env: {
          LONGHAUL_DATABASE_URL: postgres.url.replace(databaseUrl.port, String(databasePort)),
          LONGHAUL_DATA_DIR: path.join(machine, 'data'),
          LONGHAUL_PORT: String(port),
          ANTHROPIC_BASE_URL: model.url,
          ...backend?.env,
        },
      });
      supervised.push(started);
      return started;
    };
    const databasePort = Number(databaseUrl.port);
    const server = await start('server', { role: 'server', port: serverPort, databasePort });
    const client = await connect({
      url: `http://127.0.0.1:${proxy.port}`,
      dataDir: path.join(directory, 'server/data'),
    });
    const workers = await Promise.all(
      databaseProxies.map((each, index) => start(names[index]!, { role: 'worker', port: 0, databasePort: each.port })),
    );

    return {
      directory,
      journalDir,
      postgres,
      backend,
      model,
      server,
      workers,
      databaseProxies,
      proxy,
      executables,
      client,
      async untilWorking(signal) {
        const deadline = performance.now() + START_TIMEOUT_MS;
        while (performance.now() < deadline && !signal.aborted) {
          const working = new Set((await client.workers().catch(() => [])).map(({ pid }) => pid));
          if (workers.every(({ current }) => current !== null && working.has(current.pid))) return;
          await delay(100);
        }
      },
      stopWorkers: () => Promise.all(workers.map((worker) => worker.stop(TIMEOUTS.stopWaitSeconds * 1_000))),
      async findLeftovers() {
        const lists = names.map(async (name) =>
          (await readdir(path.join(directory, name, 'tmp'))).map((entry) => `${name}/tmp/${entry}`),
        );
        return (await Promise.all(lists)).flat();
      },
      close,
    };
  } catch (error) {
    await close({ isKept: true });
    throw error;
  }
}

/** The command of both agents: a variable of the agent selects the executable. */
async function writeExecutable(directory: string): Promise<{ claudePath: string; executables: string[] }> {
  const found = await findExecutable(undefined);
  if ('problem' in found) throw new Error(found.problem);
  const claudePath = path.join(directory, 'claude');
  const stub = `exec "${process.execPath}" --conditions=longhaul-source "${STUB}" "$@"`;
  await writeFile(claudePath, `#!/bin/sh\n[ "$CHAOS_CLAUDE" = stub ] && ${stub}\nexec "${found.path}" "$@"\n`);
  await chmod(claudePath, 0o755);
  return { claudePath, executables: [found.path, process.execPath] };
}

function toConfig(claudePath: string, journalDir: string): LonghaulConfig {
  const agent = (kind: 'real' | 'stub') => ({
    model: 'claude-sonnet-4-5',
    tools: ['Bash'],
    sandbox: { files: { write: [journalDir] } },
    thinking: 'disabled' as const,
    limits: { timeoutSeconds: TIMEOUTS.runSeconds, maxTurns: 30, maxBudgetUsd: 1 },
    retry: { maxAttempts: 4, delaysSeconds: [1, 2], deadlineSeconds: DEADLINE_SECONDS },
    env: { CHAOS_CLAUDE: kind },
    // The stub has no such protocol.
    ...(kind === 'stub' && { prewarm: false as const }),
  });
  const { runSeconds: _, ...chain } = TIMEOUTS;
  return {
    claudePath,
    agents: { real: agent('real'), stub: agent('stub') },
    // The executable starts other programs from these directories.
    worker: { slots: 3, ...chain, visiblePaths: [path.resolve(import.meta.dirname, '../..')] },
    // Never reached, so that nothing waits for them, but accounted for; fewer at once than there are slots.
    limits: { perTeam: { usdPerDay: 10_000 }, global: { usdPerMonth: 10_000, concurrent: 7 } },
  };
}

/** Returns a client with the key of the first start, once the server answers. */
async function connect({ url, dataDir }: { url: string; dataDir: string }): Promise<LonghaulClient> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    try {
      const apiKey = (await readFile(path.join(dataDir, 'admin-key'), 'utf8')).trim();
      const client = createClient({ url, apiKey, retryForSeconds: 0 });
      await client.runs({ limit: 1 });
      return client;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}
