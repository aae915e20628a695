import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findFreePort, loadEmbeddedPostgres } from './embedded-postgres.ts';

/** How PostgreSQL is told to go: `fast` ends its sessions in good order, `immediate` is a crash to recover from. */
export type ShutdownMode = 'fast' | 'immediate';

/** A real PostgreSQL of one's own, which may be stopped and started without harm to the tests' common one. */
export interface PostgresServer {
  /** Its one database. */
  readonly url: string;
  stop(mode: ShutdownMode): Promise<void>;
  /** Starts it again after `stop`, with what was committed before. */
  start(): Promise<void>;
  /** Ends and removes it, running or not. */
  close(): Promise<void>;
}

/** Starts a PostgreSQL with a new, empty database. Nothing is forced to the disk: it outlives its own crash, not the machine's. */
export async function startPostgresServer(): Promise<PostgresServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-postgres-'));
  await chmod(directory, 0o755); // The server's own user has to get in.
  const databaseDir = path.join(directory, 'data');
  const port = await findFreePort();
  const EmbeddedPostgres = await withoutSignalHandlers(() => loadEmbeddedPostgres(directory));
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'longhaul',
    password: 'longhaul',
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync'],
    postgresFlags: ['-c', 'fsync=off', '-c', 'max_connections=300'],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  await server.createDatabase('longhaul');

  const findPid = async () => {
    const file = await readFile(path.join(databaseDir, 'postmaster.pid'), 'utf8').catch(() => '');
    const pid = Number(file.split('\n')[0]);
    return pid > 0 && isAlive(pid) ? pid : null;
  };

  async function stop(mode: ShutdownMode): Promise<void> {
    const pid = await findPid();
    // Already gone, by a Ctrl-C in its terminal: the package would wait for its end for ever.
    if (pid === null) return;
    if (mode === 'immediate') process.kill(pid, 'SIGQUIT');
    await server.stop(); // Sends the signal of a fast shutdown, which changes nothing about one that is under way.
  }

  return {
    url: `postgres://longhaul:longhaul@127.0.0.1:${port}/longhaul`,
    stop,
    start: () => server.start(),
    async close() {
      await stop('immediate');
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The package listens for signals as soon as it is loaded, and would end this process on the first, whatever else it has to end. */
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
