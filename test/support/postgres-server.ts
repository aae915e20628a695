import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { makeDatabaseDirectory } from './database-root.ts';
import { findFreePort, loadEmbeddedPostgres } from './embedded-postgres.ts';

/** Ways to stop PostgreSQL: `fast` closes its sessions cleanly, `immediate` is a crash to recover from. */
export type ShutdownMode = 'fast' | 'immediate';

/** A separate real PostgreSQL, which a test may stop and start without disturbing the shared one. */
export interface PostgresServer {
  /** URL of its only database. */
  readonly url: string;
  /** Directory of its files. */
  readonly databaseDir: string;
  stop(mode: ShutdownMode): Promise<void>;
  /** Starts it again after `stop`, with all committed data. */
  start(): Promise<void>;
  /** Runs a query over a new connection and returns the rows. */
  query(text: string): Promise<Record<string, unknown>[]>;
  /** Stops it if needed, and removes it. */
  close(): Promise<void>;
}

interface ServerOptions {
  /** Settings of the server, such as `ssl=on`. Defaults to none. */
  readonly settings?: readonly string[];
}

/** Starts a PostgreSQL with a new, empty database. Without fsync it survives its own crash, but not the machine's. */
export async function startPostgresServer(options: ServerOptions = {}): Promise<PostgresServer> {
  const { server, initialise, createDatabase } = await createPostgresServer(options);
  await initialise();
  await server.start();
  await createDatabase();
  return server;
}

/** Creates a PostgreSQL that is not started and has no files. */
export async function createPostgresServer({ settings = [] }: ServerOptions = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-postgres-'));
  await chmod(directory, 0o755); // The server's user needs access.
  const root = await makeDatabaseDirectory('longhaul-postgres-');
  await chmod(root, 0o755);
  const databaseDir = path.join(root, 'data');
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
    // Already stopped by a Ctrl-C in its terminal: the package would wait for its end forever.
    if (pid === null) return;
    if (mode === 'immediate') process.kill(pid, 'SIGQUIT');
    await embedded.stop(); // Sends the signal of a fast shutdown, which does not affect a shutdown in progress.
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
      for (const part of [root, directory]) await rm(part, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return { server, initialise: () => embedded.initialise(), createDatabase: () => embedded.createDatabase('longhaul') };
}

/** Loads the package without its signal handlers, which would end this process before its own cleanup. */
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
