import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { sql } from 'kysely';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/databases.ts';
import { seedDatabase } from '../testing/seed-database.ts';
import { EmbeddedStream } from './embedded-stream.ts';
import { openEmbeddedDatabase } from './embedded.ts';

const read = (database: TestDatabase['database'], value: number) =>
  sql<{ value: number }>`select value from public.grown where value = ${value}`.execute(database.preparedSql);

const connect = async (pglite: PGlite) => {
  const stream = () => new EmbeddedStream(pglite);
  const client = new pg.Client({ user: 'postgres', database: 'postgres', ssl: false, stream });
  await client.connect();
  return client;
};

describe('the connection to the embedded database', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase('embedded', { isEmpty: true });
  });
  afterAll(() => test.remove());

  it('plans its prepared statements again while their tables grow', async () => {
    const { database } = test;
    await database.runScript('create table public.grown (value int); create index on public.grown (value)');
    for (let count = 0; count < 10; count++) await read(database, 1);
    const plan = async () => {
      const [prepared] = (await database.runScript(
        `select name from pg_prepared_statements where statement ~ 'public.grown where'`,
      )) as { name: string }[];
      return JSON.stringify(await database.runScript(`explain execute ${prepared!.name} (1)`));
    };
    const small = await plan();
    await database.runScript(`insert into public.grown select n from generate_series(1, 100000) as n`);
    expect(await plan()).toBe(small);
    for (let count = 0; count < 500; count++) await read(database, 1);
    expect(await plan()).not.toBe(small);
  });

  it('goes on after a statement that has failed, with the next in the order of their calls', async () => {
    const { database } = test;
    const results = await Promise.allSettled(
      [1, 0, 2].map((value) => sql<{ part: number }>`select 10 / ${value}::int as part`.execute(database.sql)),
    );
    expect(results.map((result) => (result.status === 'fulfilled' ? result.value.rows : 'failed'))).toEqual([
      [{ part: 10 }],
      'failed',
      [{ part: 5 }],
    ]);
  });

  it('answers with more than fits in one message', async () => {
    const { rows } = await sql<{ text: string }>`select repeat('ä', 3000000) as text`.execute(test.database.sql);
    expect(rows[0]!.text).toHaveLength(3_000_000);
  });
});

describe('the embedded database', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-environment-'));
    await seedDatabase(directory);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('takes nothing from the variables that are about a server', async () => {
    const variables = {
      PGUSER: 'nobody',
      PGDATABASE: 'none',
      PGSSLMODE: 'require',
      PGHOST: 'db',
      PGOPTIONS: '-c work_mem=1',
    };
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
    const database = await openEmbeddedDatabase(directory);
    const { rows } = await sql`select current_user::text as name, current_database()::text as database`.execute(
      database.sql,
    );
    await database.close();
    expect(rows).toEqual([{ name: 'postgres', database: 'postgres' }]);
  });

  it('continues its session over another connection, without the transaction of the first', async () => {
    const pglite = await PGlite.create(path.join(directory, 'db'));
    const first = await connect(pglite);
    await first.query('create table public.kept (value int)');
    await first.query({ name: 'insertion', text: 'insert into public.kept values ($1)', values: [1] });
    await first.query('begin');
    await first.query({ name: 'insertion', text: 'insert into public.kept values ($1)', values: [2] });
    await first.end();
    const second = await connect(pglite);
    await second.query({ name: 'insertion', text: 'insert into public.kept values ($1)', values: [3] });
    expect((await second.query('select value from public.kept')).rows).toEqual([{ value: 1 }, { value: 3 }]);
    await second.end();
    await pglite.close();
  });

  it('says that it has failed, and what to do', async () => {
    const pglite = await PGlite.create(path.join(directory, 'db'));
    const client = await connect(pglite);
    client.on('error', () => {});
    await pglite.close();
    await expect(client.query('select 1')).rejects.toMatchObject({
      code: 'database_unavailable',
      message: expect.stringContaining('Restart Longhaul.') as string,
    });
  });
});
