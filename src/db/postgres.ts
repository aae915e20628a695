import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { LonghaulError, toMessage } from '../core/errors.ts';
import type { BossConnection, Database } from './database.ts';
import { createPostgresListener } from './postgres-listener.ts';
import type { Tables } from './tables.ts';

/** bigint comes as a number: what is stored so (micro-dollars, tokens, milliseconds) stays below 2^53. */
const INT8 = pg.types.builtins.INT8;
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format)),
};

interface OpenOptions {
  readonly url: string;
  /** Connections at most, the listening one aside. Defaults to 10. */
  readonly poolSize?: number;
  /** Told of a connection lost while idle; the pool replaces it. */
  readonly onError?: (error: Error) => void;
}

/**
 * Opens a PostgreSQL server's database.
 * @throws {LonghaulError} `database_unavailable` when no connection can be made.
 */
export async function openPostgresDatabase({ url, poolSize = 10, onError }: OpenOptions): Promise<Database> {
  const connection = {
    connectionString: url,
    types,
    application_name: 'longhaul',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  };
  const pool = new pg.Pool({ ...connection, max: poolSize });
  pool.on('error', (error) => onError?.(error));
  // The pool hears a connection only while it is idle. One that is lost in the middle of a transaction fails the
  // next statement, which is enough; unheard, its event would end the process.
  pool.on('connect', (client) => client.on('error', () => {}));
  try {
    await pool.query('select 1');
  } catch (cause) {
    await pool.end();
    throw new LonghaulError('database_unavailable', {
      message: `The database at LONGHAUL_DATABASE_URL cannot be reached: ${toMessage(cause)}. Check that it runs and that host, user, password and database name are right.`,
      cause,
    });
  }
  const listener = createPostgresListener({ connect: () => new pg.Client(connection), ...(onError && { onError }) });
  const close = async () => {
    await listener.close();
    await pool.end();
  };
  let closing: Promise<void> | undefined;
  return {
    kind: 'postgres',
    sql: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }),
    boss: toBossConnection(pool),
    listen: listener.listen,
    close: () => (closing ??= close()),
  };
}

/** pg-boss sends several statements in one text; `pg` then answers with a list of results. */
function toBossConnection(pool: pg.Pool): BossConnection {
  return {
    async executeSql(text, values) {
      const results: pg.QueryResult | pg.QueryResult[] = await pool.query(text, values);
      return { rows: [results].flat().flatMap((result) => result.rows as unknown[]) };
    },
  };
}
