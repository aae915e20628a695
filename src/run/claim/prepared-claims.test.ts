import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { CHANNELS } from '../../db/database.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';

describe.each(DATABASE_KINDS)('the statements of a run on the %s database', (kind) => {
  let bench: RunBench;
  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterAll(() => bench.remove());

  it('are prepared, but for statements that look for messages, whose table fills in a second', async () => {
    const end = await bench.database.listen(CHANNELS.trial, () => {});
    const listPrepared = async () => {
      await bench.submit();
      await bench.settle(await bench.claim());
      const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(
        bench.database.preparedSql,
      );
      return rows.map(({ statement }) => statement);
    };
    await expect.poll(async () => (await listPrepared()).length).toBeGreaterThan(10);
    for (const statement of await listPrepared()) expect(statement).not.toMatch(/(?:from|update) longhaul_queue\.job/i);
    await end();
  });
});
