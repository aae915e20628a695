import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { removeExpiredRuns } from './remove-expired.ts';
import { createRunBench, type RunBench } from './run.fixture.ts';

/** As in `remove-expired.ts`, for another worker. */
const REMOVAL_LOCK = 0x6c68726d;

/** More than one step deletes, and more than two. */
const MANY = 250;

describe.each(DATABASE_KINDS)('the deletion of expired runs on the %s database', (kind) => {
  let bench: RunBench;
  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterAll(() => bench.remove());

  /** Ends `count` runs `daysAgo`, all at the same time. */
  async function writeEnded(count: number, daysAgo: number): Promise<void> {
    const { id } = await bench.submit();
    await bench.settle(await bench.claim());
    await sql`
      insert into longhaul.runs (id, agent, queue, status, prompt, session_id, metadata, priority, limits, retry_policy,
                                 max_attempts, created_by, finished_at)
      select gen_random_uuid(), agent, queue, status, prompt, gen_random_uuid(), metadata, priority, limits, retry_policy,
             max_attempts, created_by, now() - ${daysAgo} * interval '1 day'
        from longhaul.runs, generate_series(1, ${count}::int) where id = ${id}`.execute(bench.database.sql);
  }

  async function count(): Promise<{ runs: number; sessions: number }> {
    const { rows } = await sql<{ runs: number; sessions: number }>`
      select (select count(*)::int from longhaul.runs) as runs, (select count(*)::int from longhaul.sessions) as sessions`.execute(
      bench.database.sql,
    );
    return rows[0]!;
  }

  it('deletes all of them in several steps, with their sessions, and no other', async () => {
    await writeEnded(MANY, 8);
    await writeEnded(3, 6);
    await sql`update longhaul.sessions set updated_at = now() - interval '8 days'`.execute(bench.database.sql);
    expect(await removeExpiredRuns(bench.database, { retentionDays: 7 })).toBe(MANY);
    // Three, and the two that were settled just now.
    expect(await count()).toEqual({ runs: 5, sessions: 5 });
    expect(await removeExpiredRuns(bench.database, { retentionDays: 7 })).toBe(0);
  });

  it('stops between two steps when its worker stops', async () => {
    await writeEnded(MANY, 8);
    const stopping = new AbortController();
    const removing = removeExpiredRuns(bench.database, { retentionDays: 7, signal: stopping.signal });
    stopping.abort();
    const removed = await removing;
    expect(removed).toBeGreaterThan(0);
    expect(removed).toBeLessThan(MANY);
    expect(await removeExpiredRuns(bench.database, { retentionDays: 7 })).toBe(MANY - removed);
  });

  it('deletes neither the runs of a session that a client manages, nor the session', async () => {
    await writeEnded(MANY, 8);
    const { rows } = await sql<{ id: string }>`
      update longhaul.sessions set is_managed = true, updated_at = now() - interval '8 days'
       where id in (select session_id from longhaul.runs where finished_at < now() - interval '7 days'
                     order by session_id limit 120)
      returning id`.execute(bench.database.sql);
    expect(rows).toHaveLength(120);
    // As `take_session_turn` notes it for runs that are submitted later.
    const noteOnRuns = () =>
      sql`update longhaul.runs as run set is_managed = session.is_managed
            from longhaul.sessions as session where session.id = run.session_id`.execute(bench.database.sql);
    await noteOnRuns();
    expect(await removeExpiredRuns(bench.database, { retentionDays: 7 })).toBe(MANY - 120);
    // Without its runs, such a session is kept as well.
    const [emptied] = rows;
    await sql`delete from longhaul.runs where session_id = ${emptied!.id}`.execute(bench.database.sql);
    expect(await removeExpiredRuns(bench.database, { retentionDays: 7 })).toBe(0);
    const kept = await sql<{ runs: number; sessions: number }>`
      select count(session.id)::int as sessions, count(run.id)::int as runs
        from longhaul.sessions as session left join longhaul.runs as run on run.session_id = session.id
       where session.is_managed`.execute(bench.database.sql);
    expect(kept.rows).toEqual([{ sessions: 120, runs: 119 }]);
    await sql`update longhaul.sessions set is_managed = false`.execute(bench.database.sql);
    await noteOnRuns();
    expect(await removeExpiredRuns(bench.database, { retentionDays: 7 })).toBe(119);
  });

  it.runIf(kind === 'postgres')('leaves them to another worker that deletes at the moment', async () => {
    await writeEnded(1, 8);
    await bench.database.sql.transaction().execute(async (trx) => {
      await sql`select pg_advisory_xact_lock(${REMOVAL_LOCK})`.execute(trx);
      expect(await removeExpiredRuns(bench.database, { retentionDays: 7 })).toBe(0);
    });
    expect(await removeExpiredRuns(bench.database, { retentionDays: 7 })).toBe(1);
  });
});
