import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import type { BossConnection, Database } from './database.ts';
import { underLock } from './exclusive-lock.ts';
import { isConnectionLost } from './is-database-away.ts';
import { PostgresClient } from './postgres-client.ts';
import { createPostgresListener } from './postgres-listener.ts';
import type { Tables } from './tables.ts';

/** bigint comes as a number: what is stored so (micro-dollars, tokens, milliseconds) stays below 2^53. */
const INT8 = pg.types.builtins.INT8;
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === INT8 && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format)),
};

/**
 * How long the server may send nothing to a connection that is in use. A network that drops packets without a word
 * would otherwise hold whoever asked, and with it a claim, a renewal or a request, until the system gives up after
 * a quarter of an hour. No statement of a request or a run takes this long; those of migrations and of pg-boss's
 * maintenance may, and have a pool of their own.
 */
const SILENCE_MS = 8_000;

/**
 * How long the server waits for the next statement of a transaction before it ends it. A machine that vanishes in the
 * middle of one would otherwise hold its locks, and readers of many runs (`src/stream/horizon.ts`), until the server's
 * system notices, by default after two hours.
 */
const IDLE_IN_TRANSACTION_MS = 15_000;

interface OpenOptions {
  readonly url: string;
  /** Connections at most, the listening one aside. Defaults to 10. */
  readonly poolSize?: number;
  /** How long the server may send nothing to a connection in use, but for `patientSql`, in ms. Defaults to 8,000. */
  readonly silenceMs?: number;
  /** Told of a connection lost while idle; the pool replaces it. */
  readonly onError?: (error: Error) => void;
  /** How long to wait for a server that cannot be reached yet, in ms. Defaults to 0. */
  readonly waitMs?: number;
  /** Told once when it waits. */
  readonly onWait?: (error: Error) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a PostgreSQL server's database.
 * @throws {LonghaulError} `database_unavailable` when no connection can be made, at once where waiting would not mend it.
 */
export async function openPostgresDatabase(options: OpenOptions): Promise<Database> {
  const { url, poolSize = 10, silenceMs = SILENCE_MS, waitMs = 0, onError } = options;
  const connection = {
    connectionString: url,
    types,
    application_name: 'longhaul',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  };
  const onPoolError = (error: Error) => onError?.(error);
  // The pool waits for it, and takes its failure for the connection's; its types do not say so.
  const onConnect: pg.PoolConfig['onConnect'] = (client) => {
    watchSilence(client, silenceMs);
    return endIdleTransactions(client) as unknown as void;
  };
  const pool = createPool({ ...connection, max: poolSize, onConnect }, onPoolError);
  pool.on(
    'acquire',
    guarded((client: pg.PoolClient) => watchSilence(client, silenceMs)),
  );
  pool.on(
    'release',
    guarded((_error: Error | undefined, client: pg.PoolClient) => watchSilence(client, 0)),
  );
  const maintenancePool = createPool({ ...connection, max: 3 }, onPoolError);
  try {
    await untilReached(() => pool.query('select 1'), options);
  } catch (cause) {
    await Promise.all([pool.end(), maintenancePool.end()]);
    const waited = isConnectionLost(cause) && waitMs > 0 ? ` It was waited for ${waitMs / 1_000} s.` : '';
    throw new LonghaulError('database_unavailable', {
      message: `The database at LONGHAUL_DATABASE_URL cannot be reached: ${toMessage(cause)}.${waited} Check that it runs and that host, user, password and database name are right.`,
      cause,
    });
  }
  const listener = createPostgresListener({
    connect: () => new PostgresClient(connection),
    ...(onError && { onError }),
  });
  const close = async () => {
    await listener.close();
    await Promise.all([pool.end(), maintenancePool.end()]);
  };
  let closing: Promise<void> | undefined;
  return {
    kind: 'postgres',
    sql: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }),
    patientSql: new Kysely<Tables>({ dialect: new PostgresDialect({ pool: maintenancePool }) }),
    exclusively: (work, options) => underLock(maintenancePool, { ...options, work }),
    boss: toBossConnection(maintenancePool),
    listen: listener.listen,
    close: () => (closing ??= close()),
  };
}

const TRY_AGAIN_AFTER_MS = 500;

/**
 * Asks until there is an answer, within the time for a server that is not there yet. One that refuses us for who we are,
 * or has no such database, would do so again.
 */
async function untilReached(
  ask: () => Promise<unknown>,
  { waitMs = 0, onWait, signal }: Pick<OpenOptions, 'waitMs' | 'onWait' | 'signal'>,
): Promise<void> {
  const endAt = performance.now() + waitMs;
  for (let isTold = false; ; isTold = true) {
    signal?.throwIfAborted();
    try {
      await ask();
      return;
    } catch (error) {
      if (!isConnectionLost(error) || performance.now() + TRY_AGAIN_AFTER_MS > endAt) throw error;
      if (!isTold) onWait?.(error as Error);
      await delay(TRY_AGAIN_AFTER_MS, undefined, { signal });
    }
  }
}

/** As a statement, not with the connection's first packet: poolers between refuse settings there that they do not know. */
async function endIdleTransactions(client: pg.ClientBase): Promise<void> {
  await client.query(`set idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`);
}

function createPool(config: pg.PoolConfig, onError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({ ...config, Client: PostgresClient });
  pool.on('error', guarded(onError));
  // The pool hears a connection only while it is idle. One that is lost in the middle of a transaction fails the
  // next statement, which is enough; unheard, its event would end the process.
  pool.on(
    'connect',
    guarded((client: pg.PoolClient) => client.on('error', () => {})),
  );
  return pool;
}

/** Breaks a connection on which nothing comes for `durationMs`: whoever waits for an answer gets an error. 0: no more. */
function watchSilence(client: pg.ClientBase, durationMs: number): void {
  // Not in the types: the connection under a client, and the socket under that.
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  stream.removeAllListeners('timeout');
  stream.setTimeout(
    durationMs,
    guarded(() => stream.destroy(new Error(`The database sent nothing for ${durationMs} ms.`))),
  );
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
