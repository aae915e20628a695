import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresPool as KyselyPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import { countPool } from './open-pools.ts';
import { isConnectionSpoilt, isReadOnly } from './is-database-away.ts';
import { PostgresClient } from './postgres-client.ts';
import { hasFailedAsPrepared, type PreparedStatements } from './prepared-statements.ts';
import { prepareSession, type SessionOptions } from './prepare-session.ts';

/** A pool in the form that Kysely takes, with its own `query`. */
export interface PostgresPool extends KyselyPool {
  query(text: string, values?: unknown[]): Promise<pg.QueryResult | pg.QueryResult[]>;
  /** Returns the same pool for statements that its connections prepare. */
  preparing(statements: PreparedStatements): KyselyPool;
}

/**
 * Counts how often the connections to a server became unusable, for all pools on it: it accepts no more writes, or what
 * they have prepared is outdated.
 */
export interface ServerEpoch {
  current: number;
}

interface PoolOptions extends SessionOptions {
  /** Connection settings. `connectionTimeoutMillis` also limits the wait for a connection, new or free. */
  readonly connection: pg.ClientConfig & { readonly connectionTimeoutMillis: number };
  /** Most connections. */
  readonly max: number;
  /** Time after which an unused connection is closed, in ms. Defaults to 10 s. */
  readonly idleMs?: number;
  /** Number of connections that stay open when they are unused. Defaults to 0. */
  readonly kept?: number;
  /** Longest time without data from the server on a connection in use, in ms. 0: no limit. */
  readonly silenceMs: number;
  readonly epoch: ServerEpoch;
  /** Receives the error of a connection that is lost while idle; the pool replaces it. */
  readonly onError: (error: Error) => void;
  /** Receives the notifications of the channels that a connection listens to. */
  readonly onNotification?: (notification: pg.Notification) => void;
}

/** The server, the database or the role has reached its limit of connections (PostgreSQL, appendix A). */
const TOO_MANY_CONNECTIONS = '53300';

/** Time for which the pool uses only its existing connections after the server has refused another. */
const MAKE_DO_MS = 10_000;

/** Time until the next try, when the server refuses a connection and the pool has none that could become free. */
const TRY_AGAIN_MS = 250;

/**
 * Creates a pool of connections that can write, each prepared when it is opened. A connection that was opened before
 * the server was seen to accept no more writes is not used again: a server that has become a standby, or a proxy in
 * front of it, may keep it open forever. If the server allows fewer connections than `max`, the pool uses those.
 */
export function createPostgresPool(options: PoolOptions): PostgresPool {
  const { connection, max, idleMs = 10_000, kept = 0, silenceMs, epoch, onError, onNotification } = options;
  const waitMs = connection.connectionTimeoutMillis;
  const madeIn = new WeakMap<pg.ClientBase, number>();
  // The pool awaits the promise and treats its rejection as a connection failure; its types do not say so.
  const onConnect: pg.PoolConfig['onConnect'] = (client) => {
    madeIn.set(client, epoch.current);
    watchSilence(client, silenceMs);
    return prepareSession(client, options) as unknown as void;
  };
  const pool = new pg.Pool({
    ...connection,
    max,
    min: kept,
    idleTimeoutMillis: idleMs,
    onConnect,
    Client: PostgresClient,
  });
  const forget = countPool(pool);
  pool.on('error', guarded(onError));
  // The pool listens to a connection's errors only while it is idle. A connection that is lost in the middle of a
  // transaction fails the next statement, which is enough; without a listener its event would end the process.
  pool.on(
    'connect',
    guarded((client: pg.PoolClient) => {
      client.on('error', () => {});
      if (onNotification) client.on('notification', guarded(onNotification));
    }),
  );
  pool.on(
    'acquire',
    guarded((client: pg.PoolClient) => watchSilence(client, silenceMs)),
  );
  pool.on(
    'release',
    guarded((_error: Error | undefined, client: pg.PoolClient) => watchSilence(client, 0)),
  );

  let makesDoUntil = 0;
  async function acquire(): Promise<pg.PoolClient> {
    const endAt = performance.now() + waitMs;
    for (;;) {
      if (performance.now() > makesDoUntil) pool.options.max = max;
      try {
        const client = await pool.connect();
        if (madeIn.get(client) === epoch.current) return client;
        client.release(true);
      } catch (error) {
        const isRefused = (error as { code?: unknown }).code === TOO_MANY_CONNECTIONS;
        if (!isRefused || performance.now() > endAt) throw toAcquireError(error, { waitMs, max: pool.options.max });
        makesDoUntil = performance.now() + MAKE_DO_MS;
        pool.options.max = Math.max(1, pool.totalCount);
        if (pool.totalCount === 0) await delay(TRY_AGAIN_MS);
      }
    }
  }

  async function connect(statements: PreparedStatements | null = null): Promise<PostgresPoolClient> {
    return toPoolClient(await acquire(), { statements, epoch });
  }

  const end = async () => {
    forget();
    await pool.end();
  };

  return {
    options: pool.options,
    connect: () => connect(),
    preparing: (statements) => ({ options: pool.options, connect: () => connect(statements), end }),
    async query(text, values = []) {
      const client = await connect();
      try {
        return (await client.query(text, values)) as unknown as pg.QueryResult;
      } finally {
        client.release();
      }
    },
    end,
  };
}

/** Wraps a connection in use, so that it is closed rather than used again after an error that has spoilt it. */
function toPoolClient(
  client: pg.PoolClient,
  { statements, epoch }: { statements: PreparedStatements | null; epoch: ServerEpoch },
): PostgresPoolClient {
  let isSpoilt = false;
  const madeIn = epoch.current;
  const send = async (text: string, values: readonly unknown[]) => {
    const name = statements?.nameOf(text);
    if (name === undefined) return client.query(text, values as unknown[]);
    const isInTransaction = client.getTransactionStatus() !== 'I';
    try {
      return await client.query({ name, text, values: values as unknown[] });
    } catch (error) {
      if (!hasFailedAsPrepared(error)) throw error;
      statements?.noteFailure(error);
      isSpoilt = true;
      // Every connection of this epoch may have prepared it.
      if (epoch.current === madeIn) epoch.current++;
      // `retryDeadlock` repeats the transaction.
      if (isInTransaction) throw error;
      return client.query(text, values as unknown[]);
    }
  };
  const query = async (text: string, values: readonly unknown[]) => {
    try {
      return await send(text, values);
    } catch (error) {
      isSpoilt ||= isConnectionSpoilt(error);
      if (isReadOnly(error)) epoch.current++;
      throw error;
    }
  };
  return {
    // Without the cursor form, which no code here uses.
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy = false) => client.release(destroy || isSpoilt),
  };
}

/**
 * Closes a connection on which nothing arrives for `durationMs`, so that its waiting callers get an error. 0: stops
 * watching.
 */
function watchSilence(client: pg.ClientBase, durationMs: number): void {
  // The types hide the connection under a client, and the socket under that.
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
  stream.removeAllListeners('timeout');
  stream.setTimeout(
    durationMs,
    guarded(() => stream.destroy(new Error(`The database sent nothing for ${durationMs} ms.`))),
  );
}

/** Converts the error of a failed connection: no part of the query has reached the server. */
function toAcquireError(cause: unknown, { waitMs, max }: { waitMs: number; max: number }): LonghaulError {
  if (cause instanceof LonghaulError) return cause;
  if (toMessage(cause).startsWith('timeout exceeded when trying to connect')) {
    return new LonghaulError('unavailable', {
      message: `Too many requests at once: none of ${max} database connections became free within ${waitMs / 1_000} s.`,
      retryAfterSeconds: 1,
      cause,
    });
  }
  const { code } = cause as { code?: string };
  if (code === TOO_MANY_CONNECTIONS) {
    return new LonghaulError('database_unavailable', {
      message: `PostgreSQL grants no more connections: ${toMessage(cause)}. Raise max_connections, or the limit of the role or database, or lower database.poolSize: each process opens at most that many.`,
      cause,
    });
  }
  // An error after tries of several addresses has no message.
  const reason = toMessage(cause) || (code ?? 'for an unknown reason');
  return new LonghaulError('database_unavailable', {
    message: `The database cannot be reached: ${reason}. Check that it runs and that host, user, password and database name in LONGHAUL_DATABASE_URL are right.`,
    cause,
  });
}
