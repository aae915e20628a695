import { randomUUID } from 'node:crypto';
import path from 'node:path';
import pg from 'pg';
import { findFreePort, loadEmbeddedPostgres } from '../test/support/embedded-postgres.ts';

/** A real PostgreSQL on this machine. */
export interface PostgresServer {
  /** Creates an empty database and returns its URL. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL with its data in `databaseDir`. Unlike the tests' server it writes through to the disk, as
 * in production, and counts statements.
 */
export async function startPostgres(databaseDir: string): Promise<PostgresServer> {
  const port = await findFreePort();
  const url = `postgres://longhaul:longhaul@127.0.0.1:${port}`;
  const EmbeddedPostgres = await loadEmbeddedPostgres(path.dirname(databaseDir));
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: 'longhaul',
    password: 'longhaul',
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'shared_preload_libraries=pg_stat_statements', '-c', 'max_connections=400'],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  return {
    async createDatabase() {
      const name = `bench_${randomUUID().replaceAll('-', '')}`;
      await server.createDatabase(name);
      await queryPostgres(`${url}/${name}`, 'create extension pg_stat_statements');
      return `${url}/${name}`;
    },
    async stop() {
      // A Ctrl-C in a terminal has ended the server too, and this call would then never return.
      const isRunning = await queryPostgres(`${url}/postgres`, 'select 1').then(
        () => true,
        () => false,
      );
      if (isRunning) await server.stop();
    },
  };
}

/** Runs one statement over a separate connection. */
export async function queryPostgres(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {}); // Whatever breaks the connection rejects the query as well.
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(statement);
    return rows;
  } finally {
    await client.end();
  }
}

/** Finds the process of the server behind a connection. */
export async function findPostmaster(url: string): Promise<number> {
  const [row] = await queryPostgres(url, "select split_part(pg_read_file('postmaster.pid'), e'\\n', 1)::int as pid");
  return Number(row?.['pid']);
}
