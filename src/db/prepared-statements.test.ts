import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresDatabase } from '../../test/support/databases.ts';
import { CHANNELS, type Database, type Transaction } from './database.ts';
import { openPostgresDatabase } from './postgres.ts';
import { createPreparedStatements } from './prepared-statements.ts';
import { retryDeadlock } from './retry-deadlock.ts';

interface Kept {
  readonly value: number;
  readonly added?: number;
}

const readKept = async (connection: Database['sql'] | Transaction, value: number) =>
  (await sql<Kept>`select * from public.kept where value = ${value}`.execute(connection)).rows;

/** The names of the statements that the connection of a transaction has prepared. */
const listPrepared = async (trx: Transaction) =>
  (await sql<{ name: string }>`select name from pg_prepared_statements where statement ~ 'public.kept'`.execute(trx))
    .rows;

describe('statements that are executed again and again', () => {
  let database: Database;
  let drop: () => Promise<void>;
  beforeAll(async () => {
    const created = await createPostgresDatabase({ isEmpty: true });
    drop = created.drop;
    database = await openPostgresDatabase({ url: created.url });
    await sql`create table public.kept as select 1 as value`.execute(database.sql);
  });
  afterAll(async () => {
    await database.close();
    await drop();
  });

  const repeat = (connection: Database['sql']) =>
    connection.transaction().execute(async (trx) => {
      for (let count = 0; count < 6; count++) expect(await readKept(trx, 1)).toEqual([{ value: 1 }]);
      return listPrepared(trx);
    });

  it('are not prepared before it is known that no pooler loses them', async () => {
    expect(await repeat(database.preparedSql)).toEqual([]);
  });

  it('are prepared once for a connection, on preparedSql alone', async () => {
    const end = await database.listen(CHANNELS.trial, () => {});
    await expect.poll(() => repeat(database.preparedSql)).toHaveLength(1);
    await end();
    const others = await Promise.all(
      Array.from({ length: 5 }, () => database.sql.transaction().execute((trx) => readKept(trx, 1))),
    );
    expect(others).toHaveLength(5);
    expect(await repeat(database.preparedSql)).toHaveLength(1);
  });

  it('go on when an upgrade has given their table another column', async () => {
    await sql`alter table public.kept add column added int default 2`.execute(database.sql);
    expect(await readKept(database.preparedSql, 1)).toEqual([{ value: 1, added: 2 }]);
    await sql`alter table public.kept drop column added`.execute(database.sql);
    const read = () => database.preparedSql.transaction().execute((trx) => readKept(trx, 1));
    for (let count = 0; count < 6; count++) expect(await retryDeadlock(read)).toEqual([{ value: 1 }]);
  });
});

/** By the text alone, so that processes agree on it. */
const NAME_OF_A = 'longhaul_86f7e437faa5a7fce15d1ddcb9eaeaea377667b8';

describe('the names of prepared statements', () => {
  const useOften = (name: (text: string) => string | undefined, text: string) =>
    Array.from({ length: 4 }, () => name(text)).at(-1);

  it('are given to texts that come back, to a bounded number of them', () => {
    const { nameOf } = createPreparedStatements(() => true);
    expect([nameOf('a'), nameOf('a'), nameOf('a')]).toEqual([undefined, undefined, undefined]);
    expect(nameOf('a')).toBe(NAME_OF_A);
    for (let index = 0; index < 1_000; index++) nameOf(`once ${index}`);
    const names = Array.from({ length: 300 }, (_, index) => useOften(nameOf, `often ${index}`));
    expect(new Set(names.filter((name) => name !== undefined)).size).toBe(149);
    expect(nameOf('a')).toBe(NAME_OF_A);
  });

  it('are not given to statements of many rows, whose text differs with their number', () => {
    const { nameOf } = createPreparedStatements(() => true);
    expect(useOften(nameOf, 'a'.repeat(8_000))).toBeDefined();
    expect(useOften(nameOf, 'a'.repeat(8_001))).toBeUndefined();
  });

  it('are not given to statements that look for messages, whose table fills in a second', () => {
    const { nameOf } = createPreparedStatements(() => true);
    const take =
      'WITH next AS (SELECT j.id\n FROM longhaul_queue.job_common j LIMIT 1) UPDATE longhaul_queue.job_common j';
    expect(useOften(nameOf, take)).toBeUndefined();
    expect(useOften(nameOf, 'DELETE FROM longhaul_queue.job_common WHERE id = $1')).toBeUndefined();
    expect(useOften(nameOf, 'INSERT INTO longhaul_queue.job_common (id) SELECT $1')).toBeDefined();
  });

  it('are given no more when a pooler has lost one', () => {
    const statements = createPreparedStatements(() => true);
    expect(useOften(statements.nameOf, 'a')).toBe(NAME_OF_A);
    statements.noteFailure({ code: '0A000', routine: 'RevalidateCachedQuery' });
    expect(statements.nameOf('a')).toBe(NAME_OF_A);
    statements.noteFailure({ code: '26000' });
    expect(statements.nameOf('a')).toBeUndefined();
  });
});
