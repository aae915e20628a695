import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { findFreePort, loadEmbeddedPostgres } from './embedded-postgres.ts';

/** Kinds of stop: `fast` ends its sessions in good order, `immediate` is a crash that it recovers from. */
export type ShutdownMode = 'fast' | 'immediate';

/** A separate real PostgreSQL, which may be stopped and started without harm to the tests' shared one. */
export interface PostgresServer {
  /** URL of its only database. */
  readonly url: string;
  /** The directory of its files. */
  readonly databaseDir: string;
  stop(mode: ShutdownMode): Promise<void>;
  /** Starts it again after `stop`, with everything committed before. */
  start(): Promise<void>;
  /** Runs a query over a separate connection; returns the rows. */
  query(text: string): Promise<Record<string, unknown>[]>;
  /** Ends and deletes it, running or not. */
  close(): Promise<void>;
}

interface ServerOptions {
  /** Settings of the server, such as `ssl=on`. Defaults to none. */
  readonly settings?: readonly string[];
}

/** Starts a PostgreSQL with an empty database. Without writes through to the disk it survives its own crash alone. */
export async function startPostgresServer(options: ServerOptions = {}): Promise<PostgresServer> {
  const { server, initialise, createDatabase } = await createPostgresServer(options);
  await initialise();
  await server.start();
  await createDatabase();
  return server;
}

/** Prepares a PostgreSQL that is not started yet and has no files. */
export async function createPostgresServer({ settings = [] }: ServerOptions = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-postgres-'));
  await chmod(directory, 0o755); // The server's own user needs access.
  const databaseDir = path.join(directory, 'data');
  const port = await findFreePort();
  const EmbeddedPostgres = await withoutSignalHandlers(() => loadEmbeddedPostgres(directory));
  const embedded = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'longhaul',
    password: 'longhaul',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync'],
    postgresFlags: ['fsync=off', 'max_connections=300', ...settings].flatMap((setting) => ['-c', setting]),
    onLog: () => {},
    onError: () => {},
  });
  const findPid = async () => {
    const file = await readFile(path.join(databaseDir, 'postmaster.pid'), 'utf8').catch(() => '');
    const pid = Number(file.split('\n')[0]);
    return pid > 0 && isAlive(pid) ? pid : null;
  };

  async function stop(mode: ShutdownMode): Promise<void> {
    const pid = await findPid();
    // Already ended, by a Ctrl-C in its terminal: the package would wait for its end forever.
    if (pid === null) return;
    if (mode === 'immediate') process.kill(pid, 'SIGQUIT');
    await embedded.stop(); // Sends the signal of a fast shutdown, which does not change a shutdown in progress.
  }

  const url = `postgres://longhaul:longhaul@127.0.0.1:${port}/longhaul`;
  const server: PostgresServer = {
    url,
    databaseDir,
    stop,
    start: () => embedded.start(),
    async query(text) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        return (await client.query(text)).rows as Record<string, unknown>[];
      } finally {
        await client.end();
      }
    },
    async close() {
      await stop('immediate');
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return { server, initialise: () => embedded.initialise(), createDatabase: () => embedded.createDatabase('longhaul') };
}

/** The package handles signals once it is loaded, and would end this process at the first, before its cleanup. */
async function withoutSignalHandlers<T>(load: () => Promise<T>): Promise<T> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const before = signals.map((signal) => process.listeners(signal));
  const loaded = await load();
  for (const [index, signal] of signals.entries()) {
    for (const listener of process.listeners(signal)) {
      if (!before[index]?.includes(listener)) process.off(signal, listener);
    }
  }
  return loaded;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
