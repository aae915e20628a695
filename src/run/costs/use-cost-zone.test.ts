import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { createTestDatabase, DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { Database } from '../../db/database.ts';
import { createTestLedger } from './cost.fixture.ts';
import { useCostZone } from './use-cost-zone.ts';

describe.each(DATABASE_KINDS)('the zone of costs, on the %s database', (kind) => {
  let database: Database;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    ({ database, remove } = await createTestDatabase(kind));
  });

  afterAll(() => remove());

  const readDays = async () => {
    const { rows } = await sql<{ start: string; cost: number; attempts: number }>`
      select start::text as start, cost_micros as cost, attempts from longhaul.cost_rollups
       where dimension = 'total' and period = 'day' order by start`.execute(database.sql);
    return rows;
  };

  it('sums the ledger by other days when the zone changes, once, and exactly', async () => {
    expect(await useCostZone(database, 'UTC')).toBe(true);
    expect(await useCostZone(database, 'UTC')).toBe(false);
    const ledger = await createTestLedger(database, 'UTC');
    for (const [at, costMicros] of [
      ['2026-11-22T20:00:00Z', 100],
      ['2026-11-22T23:30:00Z', 20],
      ['2026-11-23T01:00:00Z', 3],
    ] as const) {
      await ledger.post({
        at,
        models: [
          { model: 'a', costMicros },
          { model: 'b', costMicros: 0 },
        ],
      });
    }
    expect(await readDays()).toEqual([
      { start: '2026-11-22', cost: 120, attempts: 2 },
      { start: '2026-11-23', cost: 3, attempts: 1 },
    ]);
    expect(await Promise.all([useCostZone(database, 'Europe/Berlin'), useCostZone(database, 'Europe/Berlin')])).toEqual(
      expect.arrayContaining([true, false]),
    );
    expect(await readDays()).toEqual([
      { start: '2026-11-22', cost: 100, attempts: 1 },
      { start: '2026-11-23', cost: 23, attempts: 2 },
    ]);
    await useCostZone(database, 'UTC');
    expect((await readDays()).map(({ cost }) => cost)).toEqual([120, 3]);
  });

  it('sums more entries than fit in one statement, including entries of one instant, each once', async () => {
    await sql`
      insert into longhaul.ledger_entries
      select (jsonb_populate_record(entry::longhaul.ledger_entries, jsonb_build_object(
               'attempt_id', gen_random_uuid(), 'cost_micros', number,
               'at', '2026-11-01Z'::timestamptz + (number / 7) * interval '1.0005 s'))).*
        from (select entry from longhaul.ledger_entries as entry limit 1) as first, generate_series(1, 2100) as number`.execute(
      database.sql,
    );
    expect(await useCostZone(database, 'Asia/Tokyo', { batchSize: 100 })).toBe(true);
    const { rows } = await sql<{ cost: number; attempts: number }>`
      select sum(cost_micros)::bigint as cost, count(*) filter (where position = 0) as attempts
        from longhaul.ledger_entries`.execute(database.sql);
    const days = await readDays();
    const sum = (of: 'cost' | 'attempts') => days.reduce((total, day) => total + day[of], 0);
    expect({ cost: sum('cost'), attempts: sum('attempts') }).toEqual({
      cost: rows[0]!.cost,
      attempts: rows[0]!.attempts,
    });
  });
});
