import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PostgresDialect, type PostgresPool as KyselyPool } from 'kysely';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import { DatabaseSql } from './after-commit.ts';
import { lockDataDir } from './data-dir-lock.ts';
import type { Database } from './database.ts';
import { EmbeddedStream } from './embedded-stream.ts';
import { beginNow, makeDatabaseOnce } from './first-database.ts';
import { createPostgresPool, type PostgresPool } from './postgres-pool.ts';
import { prepareDataDir } from './prepare-data-dir.ts';
import { createPreparedStatements } from './prepared-statements.ts';
import { NO_TIME_LIMITS } from './prepare-session.ts';
import { types } from './types.ts';

/**
 * Opens the embedded PostgreSQL in `dataDir`, and creates it the first time. Only one process at a time can open it.
 * @throws {LonghaulError} `config_invalid` when the directory is unsuitable, `data_dir_locked` when another process
 * uses it, `database_unavailable` when it cannot be opened.
 */
export async function openEmbeddedDatabase(dataDir: string): Promise<Database> {
  await prepareDataDir(dataDir);
  const lock = await lockDataDir(dataDir);
  const databaseDir = path.join(dataDir, 'db');
  let pglite: PGlite;
  try {
    const isUnpacked = await makeDatabaseOnce(databaseDir);
    pglite = await PGlite.create(databaseDir);
    if (isUnpacked) await beginNow(pglite);
  } catch (cause) {
    await lock.release();
    throw new LonghaulError('database_unavailable', {
      message: `The embedded database in ${dataDir} could not be opened: ${toMessage(cause)}`,
      cause,
    });
  }
  const { pool, listen } = connectTo(pglite);
  const preparing = replanning(pool.preparing(createPreparedStatements(() => true)), pool);
  const open = (connections: KyselyPool) => new DatabaseSql({ dialect: new PostgresDialect({ pool: connections }) });
  const [sql, preparedSql] = [open(pool), open(preparing)];
  const close = async () => {
    await Promise.all([sql, preparedSql].map(({ notifier }) => notifier.settled()));
    await pool.end();
    await pglite.close();
    await lock.release();
  };
  let closing: Promise<void> | undefined;
  return {
    kind: 'embedded',
    sql,
    preparedSql,
    patientSql: sql,
    // The lock file of the data directory keeps every other process out.
    exclusively: (work) => work(),
    runScript: (text, values = []) => runScript(pool, text, values),
    // In one process no notification is ever missed, so `onReconnect` is never called.
    hearsNotifications: true,
    listen,
    notify: sql.notifier.notify,
    close: () => (closing ??= close()),
  };
}

/**
 * Connects `pg` to the embedded PostgreSQL, with the one connection that it has. PGlite's own queries take
 * three times as long as with `pg`, and ten times as long as prepared statements: it hands over each message of a query by
 * itself, and plans the same statement again each time.
 */
function connectTo(pglite: PGlite): { readonly pool: PostgresPool; readonly listen: Database['listen'] } {
  const subscriptions = new Map<string, Set<(payload: string) => void>>();
  const pool = createPostgresPool({
    // Nothing here may come from the environment, as `pg` would otherwise take it.
    connection: {
      stream: () => new EmbeddedStream(pglite),
      user: 'postgres',
      database: 'postgres',
      ssl: false,
      types,
      connectionTimeoutMillis: 0,
    },
    max: 1,
    idleMs: 0,
    silenceMs: 0,
    ...NO_TIME_LIMITS,
    epoch: { current: 0 },
    onError: () => {}, // The next statement fails as well.
    onNotification: ({ channel, payload = '' }) => {
      for (const deliver of subscriptions.get(channel) ?? []) deliver(payload);
    },
  });
  const listen: Database['listen'] = async (channel, onPayload) => {
    const deliver = guarded(onPayload);
    const others = subscriptions.get(channel) ?? new Set();
    subscriptions.set(channel, others.add(deliver));
    await pool.query(`listen ${channel}`);
    return async () => {
      others.delete(deliver);
    };
  };
  return { pool, listen };
}

/** Uses of the connection after which its statements are first planned again. */
const FIRST_REPLANNED_AFTER = 500;

/**
 * Plans the prepared statements again each time the connection has been used twice as often. A server does so when it
 * has collected new statistics; here a plan for an empty table would be kept while the table grows.
 */
function replanning(prepared: KyselyPool, pool: PostgresPool): KyselyPool {
  let uses = 0;
  let replannedAfter = FIRST_REPLANNED_AFTER;
  return {
    ...prepared,
    async connect() {
      if (++uses > replannedAfter) {
        replannedAfter *= 2;
        await pool.query('discard plans');
      }
      return prepared.connect();
    },
  };
}

/** A script that has failed may leave its own transaction open, on the one connection. */
async function runScript(pool: PostgresPool, text: string, values: readonly unknown[]): Promise<unknown[]> {
  const client = await pool.connect();
  try {
    // `pg` returns a list of results for a text with several statements.
    const results = await client.query<unknown>(text, [...values]);
    return [results].flat().flatMap(({ rows }) => rows);
  } catch (error) {
    await client.query('rollback', []).catch(() => {}); // The script's own error is the one to report.
    throw error;
  } finally {
    client.release();
  }
}
