import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createAcceptRuns } from '../accept/accept-runs.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';
import type { Run } from '../run.ts';
import type { Submission } from '../accept/submission.ts';

describe.each(DATABASE_KINDS)('turns of teams and users, on the %s database', (kind) => {
  let bench: RunBench;

  beforeEach(async () => {
    bench = await createRunBench(kind);
  });
  afterEach(() => bench.remove());

  const nameOf = ({ team, user }: Pick<Run, 'team' | 'user'>) => [team, user].filter((part) => part !== null).join('/');
  const submitAll = async (all: readonly Partial<Submission>[]) => {
    for (const one of all) await bench.submit({ team: null, user: null, ...one });
  };
  const submitTogether = (all: readonly Partial<Submission>[]) =>
    createAcceptRuns(bench)({
      batch: all.map((one) => bench.toSubmission({ team: null, user: null, ...one })),
      idempotency: null,
    });
  const times = <T>(count: number, one: (index: number) => T): T[] =>
    Array.from({ length: count }, (_, index) => one(index));
  /** Claims `limit` at a time until none is left, and returns the owners. */
  const claimAll = async (limit: number) => {
    const order: string[] = [];
    for (;;) {
      const claims = await bench.claimUpTo(limit);
      if (claims.length === 0) return order;
      order.push(...claims.map(({ run }) => nameOf(run)));
    }
  };

  it.each([
    ['one by one', submitAll],
    ['in a batch', submitTogether],
  ])('belong to a team, however many users it names in runs that are submitted %s', async (_, submit) => {
    await submit(times(12, (index) => ({ team: 'north', user: `user ${index}` })));
    await submit(times(3, () => ({ team: 'south', user: 'ann' })));
    await submit(times(3, () => ({ user: 'bob' })));
    const order = await claimAll(1);
    expect(order.slice(0, 9).map((name) => name.replace(/user \d+/, '*'))).toEqual(
      times(3, () => ['north/*', 'south/ann', 'bob']).flat(),
    );
    expect(order).toHaveLength(18);
  });

  it('within a team belong to its users, each of whom gets one before another gets a second', async () => {
    await submitAll(times(6, () => ({ team: 'north', user: 'ann' })));
    await submitAll(times(2, () => ({ team: 'north', user: 'bob' })));
    await submitAll([{ team: 'north', user: 'carl' }]);
    await submitAll(times(2, () => ({ team: 'south', user: 'ann' })));
    const order = await claimAll(1);
    expect(order.filter((name) => name.startsWith('north'))).toEqual(
      ['ann', 'bob', 'carl', 'ann', 'bob', 'ann', 'ann', 'ann', 'ann'].map((user) => `north/${user}`),
    );
    expect(order.slice(0, 4).filter((name) => name.startsWith('south'))).toHaveLength(2);
  });

  it.each([
    [3, ['ann', 'bob', 'carl']],
    [5, ['ann', 'ann', 'bob', 'bob', 'carl']],
  ])('are the same when %i are claimed at a time', async (limit, first) => {
    await submitAll(times(6, () => ({ team: 'north', user: 'ann' })));
    await submitAll(times(2, () => ({ team: 'north', user: 'bob' })));
    await submitAll([{ team: 'north', user: 'carl' }]);
    const order = await claimAll(limit);
    expect(order.slice(0, limit).sort()).toEqual(first.map((user) => `north/${user}`));
    expect(order).toHaveLength(9);
  });

  it('are within one priority: a higher one goes first, whichever team had more turns', async () => {
    await submitAll([
      ...times(2, () => ({ team: 'north', user: 'ann' })),
      { team: 'north', user: 'ann', priority: 5 },
      { team: 'north', user: 'bob' },
      { team: 'south', user: 'eve' },
    ]);
    const order = await claimAll(1);
    expect(order).toEqual(['north/ann', 'north/ann', 'south/eve', 'north/bob', 'north/ann']);
  });

  it('are not given to a run that is delayed, held, or taken by another worker', async () => {
    const delayed = await bench.submit({ team: 'north', user: 'ann' });
    await sql`update longhaul_queue.job set start_after = now() + interval '1 hour' where id = ${delayed.id}`.execute(
      bench.database.sql,
    );
    const [first, second, third] = [
      await bench.submit({ team: 'north', user: 'ann' }),
      await bench.submit({ team: 'north', user: 'ann' }),
      await bench.submit({ team: 'north', user: 'bob' }),
    ];
    const later = await bench.submit({ team: 'north', user: 'carl', startAfter: new Date(Date.now() + 3_600_000) });
    const claims = [...(await bench.claimUpTo(1)), ...(await bench.claimUpTo(1)), ...(await bench.claimUpTo(5))];
    // The run whose turn it would be is skipped, and the one behind it is claimed.
    expect(claims.map(({ run }) => run.id)).toEqual([third.id, first.id, second.id]);
    for (const id of [delayed.id, later.id]) expect(claims.some(({ run }) => run.id === id)).toBe(false);
    // The skipped run still has its message, and no run has two.
    const { rows } = await sql<{ id: string; state: string }>`
      select id, state::text from longhaul_queue.job order by id`.execute(bench.database.sql);
    expect(rows.map(({ id, state }) => [id, state])).toEqual(
      [delayed, first, second, third, later]
        .map((run) => [run.id, run === delayed || run === later ? 'created' : 'active'])
        .sort(([a], [b]) => (a! < b! ? -1 : 1)),
    );
  });

  it('begin each run once, when several workers claim at a time', async () => {
    await submitTogether(times(60, (index) => ({ team: `team ${index % 3}`, user: `user ${index % 7}` })));
    const claims = await Promise.all(times(6, () => bench.claimUpTo(10)));
    const rest = await claimAll(10);
    const ids = claims.flat().map(({ run }) => run.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length + rest.length).toBe(60);
  });

  it('are found in indexes, whatever else is queued', async () => {
    const { rows: plan } = await bench.database.sql.connection().execute(async (connection) => {
      await sql`set enable_seqscan = off`.execute(connection);
      return sql<{ 'QUERY PLAN': string }>`
        explain select id from longhaul.runs
         where status = 'queued' and start_after is null and team is not null and held_for is null and attempt = 0
           and queue = 'reader' and team = 'north' and priority = 0
         order by queue, team, priority, team_rank, id limit 3`.execute(connection);
    });
    const text = plan.map((row) => row['QUERY PLAN']).join('\n');
    expect(text).toContain('runs_next_of_team');
    expect(text).not.toContain('Sort');
  });
});
