import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import pg from 'pg';
import { inject } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { openEmbeddedDatabase } from '../../src/db/embedded.ts';
import { openPostgresDatabase } from '../../src/db/postgres.ts';
import { makeTables, seedDatabase } from '../../src/testing/seed-database.ts';
import { makeDatabaseDirectory } from './database-root.ts';

/** A new database at the current schema for one test file, and the function that removes it. */
export interface TestDatabase {
  readonly database: Database;
  /** URL to open it again, as another process would. Null on the embedded database. */
  readonly url: string | null;
  remove(): Promise<void>;
}

/** The kinds of database that each database suite runs on. */
export const DATABASE_KINDS = ['embedded', 'postgres'] as const;

export async function createTestDatabase(
  kind: (typeof DATABASE_KINDS)[number],
  /** Set for a database without a schema, to create the schema of an earlier version. */
  { isEmpty = false } = {},
): Promise<TestDatabase> {
  if (kind === 'embedded') {
    const directory = await makeDatabaseDirectory('longhaul-data-');
    if (!isEmpty) await seedDatabase(directory);
    const database = await openEmbeddedDatabase(directory);
    return {
      database,
      url: null,
      async remove() {
        await database.close();
        await rm(directory, { recursive: true, force: true });
      },
    };
  }
  const { url, drop } = await createPostgresDatabase({ isEmpty });
  const database = await openPostgresDatabase({ url });
  return {
    database,
    url,
    async remove() {
      await database.close();
      await drop();
    },
  };
}

/** Creates a database on the test run's PostgreSQL, at the current schema or without one. */
export async function createPostgresDatabase({ isEmpty = false } = {}): Promise<{
  url: string;
  drop: () => Promise<void>;
}> {
  const server = inject('postgresUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await onServer(server, async (client) => {
    if (!isEmpty) await makeTemplate(client, server);
    await client.query(`create database ${name} ${isEmpty ? '' : `template ${TEMPLATE}`}`);
  });
  const drop = () => onServer(server, (client) => client.query(`drop database ${name} with (force)`));
  return { url: `${server}/${name}`, drop };
}

/** Template of new databases, created on first use. */
const TEMPLATE = 'at_todays_schema';

async function makeTemplate(client: pg.Client, server: string): Promise<void> {
  const isThere = async () =>
    (await client.query('select from pg_database where datname = $1', [TEMPLATE])).rowCount === 1;
  if (await isThere()) return;
  await client.query('select pg_advisory_lock(1)');
  if (!(await isThere())) {
    await client.query('drop database if exists in_the_making');
    await client.query('create database in_the_making');
    const database = await openPostgresDatabase({ url: `${server}/in_the_making` });
    await makeTables(database);
    await database.close();
    await client.query(`alter database in_the_making rename to ${TEMPLATE}`);
  }
  await client.query('select pg_advisory_unlock(1)');
}

async function onServer(server: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: `${server}/postgres` });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
