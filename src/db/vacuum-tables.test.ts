import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/databases.ts';
import { vacuumTables } from './vacuum-tables.ts';

const signal = new AbortController().signal;

describe('the vacuum of the embedded database', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await createTestDatabase('embedded', { isEmpty: true });
  });
  afterAll(() => test.remove());

  const script = (text: string) => test.database.runScript(text) as Promise<{ bytes: number }[]>;
  const readBytes = async () => (await script(`select pg_total_relation_size('public."a day"') as bytes`))[0]!.bytes;

  it('lets new rows take the place of deleted ones, so that a table does not grow', async () => {
    await script('create table public."a day" (id int primary key, text text)');
    const sizes: number[] = [];
    for (let day = 0; day < 6; day++) {
      await script(`
        insert into public."a day" select n, repeat('x', 300) from generate_series(${day * 5_000}, ${day * 5_000 + 4_999}) as n`);
      await script(`update public."a day" set text = text || 'y' where id >= ${day * 5_000}`);
      await script(`delete from public."a day" where id < ${(day - 1) * 5_000}`);
      await script('select pg_stat_force_next_flush()');
      expect(await vacuumTables(test.database, { signal })).toEqual(['public."a day"']);
      sizes.push(await readBytes());
    }
    expect(sizes[5]! / sizes[2]!).toBeLessThan(1.1);
  });

  it('leaves tables alone of which few rows have changed', async () => {
    await script(`update public."a day" set text = 'z' where id % 50 = 0`);
    await script('select pg_stat_force_next_flush()');
    expect(await vacuumTables(test.database, { signal })).toEqual([]);
  });
});
