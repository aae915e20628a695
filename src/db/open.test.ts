import { sql } from 'kysely';
import pg from 'pg';
import { expect, inject, it } from 'vitest';
import { createPostgresDatabase } from '../../test/support/databases.ts';
import { resolveConfig } from '../config/resolve.ts';
import { openDatabase } from './open.ts';

/** The figures of `docs/operations.md`, without the listening connection. */
it('keeps three connections at rest for requests and runs, and one for a worker alone', async () => {
  const roles = [
    { isWorkerAlone: false, kept: 3 },
    { isWorkerAlone: true, kept: 1 },
  ];
  const observer = new pg.Client({ connectionString: `${inject('postgresUrl')}/postgres` });
  await observer.connect();
  // At the same time: unused connections are closed after 10 s.
  await Promise.all(
    roles.map(async ({ isWorkerAlone, kept }) => {
      const { url, drop } = await createPostgresDatabase();
      const config = resolveConfig({
        input: { agents: { reader: { model: 'claude-sonnet-4-5', tools: [] } } },
        baseDir: '/',
        env: { LONGHAUL_DATABASE_URL: url },
      });
      const database = await openDatabase(config, { isWorkerAlone });
      const count = async () => {
        const name = new URL(url).pathname.slice(1);
        return (await observer.query('select from pg_stat_activity where datname = $1', [name])).rows.length;
      };
      await Promise.all(Array.from({ length: 5 }, () => sql`select pg_sleep(0.2)`.execute(database.sql)));
      expect(await count()).toBe(5);
      await expect.poll(count).toBe(kept);
      await database.close();
      await drop();
    }),
  );
  await observer.end();
});
