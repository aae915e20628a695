import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { listScans } from '../../test/support/list-scans.ts';
import { createQueueDatabase } from '../../test/support/queue-database.ts';
import { findDueRuns, selectDue } from './find-due-runs.ts';

const QUEUES = ['due', 'delayed', 'empty'];

describe.each(DATABASE_KINDS)('the due runs of queues on the %s database', (kind) => {
  let bench: Awaited<ReturnType<typeof createQueueDatabase>>;
  beforeAll(async () => {
    bench = await createQueueDatabase(kind, QUEUES);
    await sql`
      insert into longhaul_queue.job (name, start_after)
      select case when number % 2 = 0 then 'due' else 'delayed' end,
             case when number % 2 = 0 then now() else now() + interval '1 hour' + number * interval '1 second' end
        from generate_series(1, 5000) as number`.execute(bench.database.sql);
  });
  afterAll(() => bench.remove());

  it('are found in their order, with the time until the next', async () => {
    const { queues, nextInMs } = await findDueRuns(bench.database, ['empty', 'delayed', 'due']);
    expect(queues).toEqual(['due']);
    expect(nextInMs).toBeGreaterThan(3_590_000);
    expect(nextInMs).toBeLessThan(3_602_000);
  });

  it('are found with a few entries of an index, whatever is queued', async () => {
    const { rows } = await sql<{ 'QUERY PLAN': unknown }>`
      explain (analyze, timing off, format json) ${selectDue(QUEUES)}`.execute(bench.database.sql);
    const scans = listScans(rows[0]!['QUERY PLAN']).filter(({ relation }) => relation.startsWith('job'));
    expect(scans.length).toBeGreaterThan(0);
    for (const { node, rowsRead } of scans) {
      expect(node).toMatch(/^Index/);
      expect(rowsRead).toBeLessThanOrEqual(1);
    }
  });
});
