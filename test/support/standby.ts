import { execFile } from 'node:child_process';
import { appendFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createPostgresServer, type PostgresServer } from './postgres-server.ts';

/** A PostgreSQL that replicates another and rejects writes. */
export interface Standby extends PostgresServer {
  /** Resolves when it has all current data of its primary. */
  caughtUp(): Promise<void>;
  /** Promotes it to a primary. */
  promote(): Promise<void>;
}

/** Starts a standby of `primary`, which is restarted for it. */
export async function startStandby(primary: PostgresServer): Promise<Standby> {
  const { server } = await createPostgresServer();
  await primary.stop('fast');
  // Keeps the owner of the files, which is another user when the tests run as root.
  await promisify(execFile)('cp', ['-a', primary.databaseDir, server.databaseDir]);
  await primary.start();
  const { port, username, password } = new URL(primary.url);
  await appendFile(
    path.join(server.databaseDir, 'postgresql.auto.conf'),
    `primary_conninfo = 'host=127.0.0.1 port=${port} user=${username} password=${password}'\n`,
  );
  await writeFile(path.join(server.databaseDir, 'standby.signal'), '');
  // `start` resolves only when the server stops being a standby.
  void server.start().catch(() => {});
  const answers = () =>
    server.query('select 1').then(
      () => true,
      () => false,
    );
  while (!(await answers())) await delay(100);
  return {
    ...server,
    async caughtUp() {
      const [primaryAt] = await primary.query('select pg_current_wal_lsn()::text as lsn');
      const isThere = async () =>
        (await server.query(`select pg_last_wal_replay_lsn() >= '${String(primaryAt?.['lsn'])}' as there`))[0]?.[
          'there'
        ];
      while ((await isThere()) !== true) await delay(50);
    },
    async promote() {
      await server.query('select pg_promote()');
    },
  };
}
