import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { inject } from 'vitest';
import type { Database } from '../../src/db/database.ts';
import { openEmbeddedDatabase } from '../../src/db/embedded.ts';
import { openPostgresDatabase } from '../../src/db/postgres.ts';
import { seedDatabase } from '../../src/testing/seed-database.ts';

/** A new, empty database for one test file, with what removes it. */
export interface TestDatabase {
  readonly database: Database;
  /** Opens it once more, as another process would. Only on PostgreSQL. */
  readonly url: string | null;
  remove(): Promise<void>;
}

/** The two kinds of database every suite about the database runs on. */
export const DATABASE_KINDS = ['embedded', 'postgres'] as const;

export async function createTestDatabase(kind: (typeof DATABASE_KINDS)[number]): Promise<TestDatabase> {
  if (kind === 'embedded') {
    const directory = await mkdtemp(path.join(tmpdir(), 'longhaul-data-'));
    await seedDatabase(directory);
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
  const { url, drop } = await createPostgresDatabase();
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

/** A new, empty database on the test run's PostgreSQL. */
export async function createPostgresDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const server = inject('postgresUrl');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await onServer(server, `create database ${name}`);
  return { url: `${server}/${name}`, drop: () => onServer(server, `drop database ${name} with (force)`) };
}

async function onServer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: `${server}/postgres` });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
