import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresPool as KyselyPool, PostgresPoolClient } from 'kysely';
import pg from 'pg';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import { isConnectionSpoilt, isReadOnly } from './is-database-away.ts';
import { PostgresClient } from './postgres-client.ts';
import { prepareSession, type SessionOptions } from './prepare-session.ts';

/** A pool as Kysely takes one, which also asks by itself. */
export interface PostgresPool extends KyselyPool {
  query(text: string, values?: unknown[]): Promise<pg.QueryResult | pg.QueryResult[]>;
}

/** Counts how often a server was seen to take no more writes, for all pools on it. */
export interface ServerEpoch {
  current: number;
}

interface PoolOptions extends SessionOptions {
  /** How to connect. `connectionTimeoutMillis` is how long to wait for a connection as well, a new one or a free one. */
  readonly connection: pg.ClientConfig & { readonly connectionTimeoutMillis: number };
  /** Connections at most. */
  readonly max: number;
  /** How long the server may send nothing to a connection in use, in ms. 0: for as long as it takes. */
  readonly silenceMs: number;
  readonly epoch: ServerEpoch;
  /** Told of a connection that is lost while idle; the pool replaces it. */
  readonly onError: (error: Error) => void;
}

/** The server, the database or the role has as many connections as it may (PostgreSQL, appendix A). */
const TOO_MANY_CONNECTIONS = '53300';

/** How long the pool makes do with what it has after the server has refused it another connection. */
const MAKE_DO_MS = 10_000;

/** How long until the next try, when another connection is refused and there is none that could come free. */
const TRY_AGAIN_MS = 250;

/**
 * A pool of connections that can write. Each is prepared when it is made. One that was made before the server was seen to
 * take no more writes is not used again: a server that has become a standby, or a proxy before it, may keep it open for
 * ever. Where the server gives fewer connections than `max`, the pool makes do with those.
 */
export function createPostgresPool(options: PoolOptions): PostgresPool {
  const { connection, max, silenceMs, epoch, onError } = options;
  const waitMs = connection.connectionTimeoutMillis;
  const madeIn = new WeakMap<pg.ClientBase, number>();
  // The pool waits for it, and takes its failure for the connection's; its types do not say so.
  const onConnect: pg.PoolConfig['onConnect'] = (client) => {
    madeIn.set(client, epoch.current);
    watchSilence(client, silenceMs);
    return prepareSession(client, options) as unknown as void;
  };
  const pool = new pg.Pool({ ...connection, max, onConnect, Client: PostgresClient });
  pool.on('error', guarded(onError));
  // The pool hears a connection only while it is idle. One that is lost in the middle of a transaction fails the
  // next statement, which is enough; unheard, its event would end the process.
  pool.on(
    'connect',
    guarded((client: pg.PoolClient) => client.on('error', () => {})),
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

  async function connect(): Promise<PostgresPoolClient> {
    const client = await acquire();
    let isSpoilt = false;
    const query = async (text: string, values: readonly unknown[]) => {
      try {
        return await client.query(text, values as unknown[]);
      } catch (error) {
        isSpoilt ||= isConnectionSpoilt(error);
        if (isReadOnly(error)) epoch.current++;
        throw error;
      }
    };
    return {
      // Without the form that takes a cursor, which nothing of ours has.
      query: query as unknown as PostgresPoolClient['query'],
      release: (destroy = false) => client.release(destroy || isSpoilt),
    };
  }

  return {
    options: pool.options,
    connect,
    async query(text, values = []) {
      const client = await connect();
      try {
        return (await client.query(text, values)) as unknown as pg.QueryResult;
      } finally {
        client.release();
      }
    },
    end: () => pool.end(),
  };
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

/** In our words: nothing of what was to be asked has reached the server. */
function toAcquireError(cause: unknown, { waitMs, max }: { waitMs: number; max: number }): LonghaulError {
  if (cause instanceof LonghaulError) return cause;
  if (toMessage(cause).startsWith('timeout exceeded when trying to connect')) {
    return new LonghaulError('unavailable', {
      message: `Too many requests at once: none of ${max} database connections came free within ${waitMs / 1_000} s.`,
      retryAfterSeconds: 1,
      cause,
    });
  }
  const { code } = cause as { code?: string };
  // One that was tried over several addresses has no words of its own.
  const reason = toMessage(cause) || (code ?? 'for an unknown reason');
  return new LonghaulError('database_unavailable', {
    message: `The database cannot be reached: ${reason}. Check that it runs and that host, user, password and database name in LONGHAUL_DATABASE_URL are right.`,
    cause,
  });
}
