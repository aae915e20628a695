import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { Transaction } from '../../db/database.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';
import { countHeld } from './concurrency.ts';
import { nextRanks } from './place-in-line.ts';

const QUEUED = 2_000;
const USERS = 50;

describe.each(DATABASE_KINDS)('the waiting runs beside many finished runs on the %s database', (kind) => {
  let bench: RunBench;
  beforeAll(async () => {
    bench = await createRunBench(kind);
    const { id } = await bench.submit();
    await bench.settle(await bench.claim());
    await copy(id, 'succeeded', 2 * QUEUED);
    // From now on the statistics know no queued run.
    await sql`vacuum analyze longhaul.runs`.execute(bench.database.sql);
    await copy(id, 'queued', QUEUED);
  });
  afterAll(() => bench.remove());

  /** Half of the users have a team. */
  async function copy(id: string, status: string, count: number): Promise<void> {
    await sql`
      insert into longhaul.runs (id, agent, queue, status, prompt, session_id, metadata, priority, limits, retry_policy,
                                 max_attempts, created_by, user_id, team, fair_rank, team_rank)
      select gen_random_uuid(), agent, queue, ${status}, prompt, gen_random_uuid(), metadata, priority, limits,
             retry_policy, max_attempts, created_by, 'user ' || n % ${USERS}::int,
             case when n % 2 = 0 then 'north' end, 7 + n / ${USERS}::int, 3 + n / ${USERS}::int
        from longhaul.runs, generate_series(0, ${count}::int - 1) as n where runs.id = ${id}`.execute(
      bench.database.sql,
    );
  }

  /** Counts the rows of runs that `work` reads. */
  async function countRowsRead<T>(work: (trx: Transaction) => Promise<T>): Promise<{ result: T; rowsRead: number }> {
    return bench.database.sql.transaction().execute(async (trx) => {
      const count = async () => {
        const { rows } = await sql<{ count: number }>`
          select (seq_tup_read + idx_tup_fetch)::int as count from pg_stat_xact_user_tables
           where schemaname = 'longhaul' and relname = 'runs'`.execute(trx);
        return rows[0]!.count;
      };
      const before = await count();
      const result = await work(trx);
      return { result, rowsRead: (await count()) - before };
    });
  }

  it('give a new run its rank with a few entries of an index, when the statistics know no queued run', async () => {
    const standing = (user: string, team: string | null) => ({
      queue: 'reader',
      user,
      team,
      priority: 0,
      isDelayed: false,
    });
    const runs = [
      standing('user 1', null),
      standing('user 2', 'north'),
      standing('new', 'north'),
      standing('new', null),
    ];
    const { result, rowsRead } = await countRowsRead((trx) => nextRanks(trx, runs));
    const last = Math.floor((QUEUED - 1) / USERS);
    expect(result).toEqual([
      { fair: 8 + last, team: 0 },
      // The team's last rank is of any of its users.
      { fair: 8 + last, team: 4 + last },
      { fair: 9 + last, team: 3 },
      { fair: 7, team: 0 },
    ]);
    expect(rowsRead).toBeLessThan(50);
  });

  it('are counted by queue, if they are held, from an index of held runs', async () => {
    const { result, rowsRead } = await countRowsRead((trx) => countHeld({ ...bench.database, sql: trx }));
    expect(result).toEqual(new Map());
    expect(rowsRead).toBeLessThan(50);
  });
});
