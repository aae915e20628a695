import path from 'node:path';
import { PGlite, types } from '@electric-sql/pglite';
import { PGliteDialect } from 'kysely';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { guarded } from '../core/guard.ts';
import { DatabaseSql } from './after-commit.ts';
import { lockDataDir } from './data-dir-lock.ts';
import type { Database } from './database.ts';
import { beginNow, makeDatabaseOnce } from './first-database.ts';
import { prepareDataDir } from './prepare-data-dir.ts';

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
    // Without the parser a number above 2^53 would become a BigInt, which no code here accepts.
    pglite = await PGlite.create(databaseDir, { parsers: { [types.INT8]: Number } });
    if (isUnpacked) await beginNow(pglite);
    await pglite.exec('set enable_incremental_sort = off'); // See `prepare-session.ts`.
  } catch (cause) {
    await lock.release();
    throw new LonghaulError('database_unavailable', {
      message: `The embedded database in ${dataDir} could not be opened: ${toMessage(cause)}`,
      cause,
    });
  }
  const sql = new DatabaseSql({ dialect: new PGliteDialect({ pglite }) });
  return {
    kind: 'embedded',
    sql,
    preparedSql: sql,
    patientSql: sql,
    // The lock file of the data directory keeps every other process out.
    exclusively: (work) => work(),
    runScript: (text, values = []) => runScript(pglite, text, values),
    hearsNotifications: true,
    // In one process no notification is ever missed, so `onReconnect` is never called.
    listen: (channel, onPayload) => pglite.listen(channel, guarded(onPayload)),
    notify: sql.notifier.notify,
    async close() {
      await sql.notifier.settled();
      if (!pglite.closed) await pglite.close();
      await lock.release();
    },
  };
}

/** PGlite executes several statements only without values, and has one connection, whose failed transaction must end. */
async function runScript(pglite: PGlite, text: string, values: readonly unknown[]): Promise<unknown[]> {
  if (values.length > 0) return (await pglite.query(text, [...values])).rows;
  try {
    const results = await pglite.exec(text);
    return results.flatMap(({ rows }) => rows as unknown[]);
  } catch (error) {
    await pglite.exec('rollback').catch(() => {}); // The script's own error is the one to report.
    throw error;
  }
}
