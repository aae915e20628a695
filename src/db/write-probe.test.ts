import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, DATABASE_KINDS, type TestDatabase } from '../../test/support/databases.ts';
import { createWriteProbe } from './write-probe.ts';

describe.each(DATABASE_KINDS)('the probe of the %s database', (kind) => {
  let bench: TestDatabase;
  beforeAll(async () => {
    bench = await createTestDatabase(kind);
  });
  afterAll(() => bench.remove());

  const readVersion = async () =>
    (await sql<{ xmin: string }>`select xmin::text from longhaul.write_probe`.execute(bench.database.sql)).rows[0]
      ?.xmin;

  it('writes at most once a second for many callers', async () => {
    const probe = createWriteProbe(bench.database);
    await Promise.all(Array.from({ length: 50 }, probe));
    const version = await readVersion();
    expect(version).toBeDefined();
    await probe();
    expect(await readVersion()).toBe(version);
    await delay(1_001);
    await probe();
    expect(await readVersion()).not.toBe(version);
  });

  it('rejects only while the database accepts no writes', async () => {
    const probe = createWriteProbe(bench.database);
    await sql`alter table longhaul.write_probe rename to put_away`.execute(bench.database.sql);
    await expect(probe()).rejects.toThrow();
    await expect(probe()).rejects.toThrow();
    await sql`alter table longhaul.put_away rename to write_probe`.execute(bench.database.sql);
    await delay(1_001);
    await probe();
  });
});
