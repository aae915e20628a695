import { setTimeout as delay } from 'node:timers/promises';
import { PostgresDialect, type PostgresPool as KyselyPool } from 'kysely';
import { LonghaulError } from '../core/errors.ts';
import { DatabaseSql } from './after-commit.ts';
import type { Database } from './database.ts';
import { underLock } from './exclusive-lock.ts';
import { isConnectionLost } from './is-database-away.ts';
import { notificationsArrive } from './notifications-arrive.ts';
import { PostgresClient } from './postgres-client.ts';
import { PostgresListener } from './postgres-listener.ts';
import { createPostgresPool } from './postgres-pool.ts';
import { createPreparedStatements } from './prepared-statements.ts';
import { NO_TIME_LIMITS, prepareSession } from './prepare-session.ts';
import { types } from './types.ts';

/**
 * Longest time without data from the server on a connection in use. A network that silently drops packets would
 * otherwise block a caller, and with it a claim, a renewal or a request, until the operating system gives up after a
 * quarter of an hour. No statement of a request or a run takes this long; statements of migrations and of pg-boss's
 * maintenance may, and have a separate pool.
 */
const SILENCE_MS = 8_000;

/**
 * Parts of `silenceMs` after which the server itself gives up on a statement, and on a lock: before the caller gives up
 * on the server, so that the connection stays usable and nothing is left waiting behind a stranger's lock.
 */
const STATEMENT_PART = 7 / 8;
const LOCK_PART = 6 / 8;

/**
 * Longest time that the server waits for the next statement of a transaction before it ends the transaction. A machine
 * that vanishes in the middle of a transaction would otherwise hold its locks, and delay readers of many runs
 * (`src/stream/horizon.ts`), until the server's system notices, by default after two hours.
 */
const IDLE_IN_TRANSACTION_MS = 15_000;

interface OpenOptions {
  readonly url: string;
  /** Most connections in total. At least 5. Defaults to 14. */
  readonly poolSize?: number;
  /**
   * Number of connections for requests and runs that stay open when nothing needs them, besides the listening one.
   * Defaults to 0.
   */
  readonly keptConnections?: number;
  /** Longest wait for a connection, new or free, in ms. Defaults to 5,000. */
  readonly waitForConnectionMs?: number;
  /**
   * Longest time without data from the server on a connection in use, except those of `patientSql`, in ms. Defaults to
   * 8,000. The server cancels a statement after seven eighths of it, and a wait for a lock after six.
   */
  readonly silenceMs?: number;
  /** Receives the error of a connection lost while idle; the pool replaces it. */
  readonly onError?: (error: Error) => void;
  /** Receives a warning about a setup that works, but not as well as it could. */
  readonly onWarning?: (message: string) => void;
  /** Longest wait for a server that cannot be reached yet, in ms. Defaults to 0. */
  readonly waitMs?: number;
  /** Called once when it waits. */
  readonly onWait?: (error: Error) => void;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** The connection that listens. */
const LISTENING = 1;

/**
 * Connections for work that may take minutes. The first may hold a lock for the time in which the second works under
 * it.
 */
const PATIENT = 2;

const DEFAULT_POOL_SIZE = 14;

const WAIT_FOR_CONNECTION_MS = 5_000;

const NO_NOTIFICATIONS =
  'Notifications of the database do not arrive, so runs start late and streams pause for seconds: LONGHAUL_DATABASE_URL leads through a pooler in transaction mode. Use the address of the server itself, or of a pooler in session mode.';

/** For maintenance, which no caller waits for: other maintenance may take long. */
const PATIENT_WAIT_MS = 60_000;

/** Time after which such a connection is closed again: it is needed for a moment each minute. */
const PATIENT_IDLE_MS = 1_000;

/**
 * Opens the database on a PostgreSQL server.
 * @throws {LonghaulError} `database_unavailable` when no writable connection can be opened, immediately when waiting
 * would not help; `database_unsuitable` when the database's setup is unsuitable.
 */
export async function openPostgresDatabase(options: OpenOptions): Promise<Database> {
  const {
    url,
    poolSize = DEFAULT_POOL_SIZE,
    keptConnections = 0,
    silenceMs = SILENCE_MS,
    waitMs = 0,
    onError = () => {},
    onWarning = () => {},
  } = options;
  const connection = {
    connectionString: url,
    types,
    application_name: 'longhaul',
    connectionTimeoutMillis: options.waitForConnectionMs ?? WAIT_FOR_CONNECTION_MS,
    keepAlive: true,
  };
  const { pool, patientPool } = createPools({ connection, poolSize, keptConnections, silenceMs, onError });
  try {
    await untilReached(() => pool.query('select 1'), options);
  } catch (cause) {
    await Promise.all([pool.end(), patientPool.end()]);
    throw waitMs > 0 ? toWaitedError(cause, waitMs) : cause;
  }
  const listener = new PostgresListener({
    connect: () => new PostgresClient({ ...connection, application_name: 'longhaul listening' }),
    prepare: (client) => prepareSession(client, NO_TIME_LIMITS),
    onError,
  });
  const closed = new AbortController();
  let trial: Promise<void> | undefined;
  let doArrive = true;
  // A pooler in transaction mode, which loses notifications, may lose prepared statements too.
  let isTried = false;
  const statements = createPreparedStatements(() => isTried && doArrive);
  const tryNotifications = async () => {
    const notify = (channel: string, payload: string) => pool.query('select pg_notify($1, $2)', [channel, payload]);
    doArrive = await notificationsArrive({ listen: listener.listen, notify, signal: closed.signal });
    isTried = true;
    if (!doArrive) onWarning(NO_NOTIFICATIONS);
  };
  const open = (connections: KyselyPool) => new DatabaseSql({ dialect: new PostgresDialect({ pool: connections }) });
  const [sql, preparedSql, patientSql] = [open(pool), open(pool.preparing(statements)), open(patientPool)];
  const close = async () => {
    closed.abort();
    await trial;
    await Promise.all([sql, preparedSql, patientSql].map(({ notifier }) => notifier.settled()));
    await listener.close();
    await Promise.all([pool.end(), patientPool.end()]);
  };
  let closing: Promise<void> | undefined;
  return {
    kind: 'postgres',
    sql,
    preparedSql,
    patientSql,
    exclusively: (work, options) => underLock(patientPool, { ...options, work }),
    async runScript(text, values = []) {
      // `pg` returns a list of results for a text with several statements.
      const results = await patientPool.query(text, [...values]);
      return [results].flat().flatMap((result) => result.rows as unknown[]);
    },
    get hearsNotifications() {
      return doArrive && listener.isConnected;
    },
    async listen(...subscription) {
      const end = await listener.listen(...subscription);
      trial ??= tryNotifications().catch(onError);
      return end;
    },
    notify: sql.notifier.notify,
    close: () => (closing ??= close()),
  };
}

interface PoolsOptions extends Required<Pick<OpenOptions, 'poolSize' | 'keptConnections' | 'silenceMs' | 'onError'>> {
  readonly connection: Parameters<typeof createPostgresPool>[0]['connection'];
}

/** Creates the pool for requests and runs, and the pool for work that may take minutes. */
function createPools({ connection, poolSize, keptConnections, silenceMs, onError }: PoolsOptions) {
  const common = { connection, epoch: { current: 0 }, onError };
  const pool = createPostgresPool({
    ...common,
    max: poolSize - LISTENING - PATIENT,
    kept: keptConnections,
    silenceMs,
    idleInTransactionMs: IDLE_IN_TRANSACTION_MS,
    statementMs: Math.ceil(silenceMs * STATEMENT_PART),
    lockMs: Math.ceil(silenceMs * LOCK_PART),
  });
  const patientPool = createPostgresPool({
    ...common,
    connection: {
      ...connection,
      application_name: 'longhaul maintenance',
      connectionTimeoutMillis: PATIENT_WAIT_MS,
    },
    max: PATIENT,
    idleMs: PATIENT_IDLE_MS,
    silenceMs: 0,
    ...NO_TIME_LIMITS,
  });
  return { pool, patientPool };
}

const TRY_AGAIN_AFTER_MS = 500;

/**
 * Retries until the server answers, at most for the configured time. An error about the credentials, or about a missing
 * database, is not retried, because it would not change.
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

function toWaitedError(cause: unknown, waitMs: number): unknown {
  if (!(cause instanceof LonghaulError) || !isConnectionLost(cause)) return cause;
  return new LonghaulError(cause.code, {
    message: `${cause.message} Longhaul waited ${waitMs / 1_000} s for it.`,
    cause,
  });
}
