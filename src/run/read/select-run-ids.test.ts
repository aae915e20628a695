import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { listScans } from '../../../test/support/list-scans.ts';
import { noteOldWords } from '../note-old-words.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';
import { SEES_ALL, type Viewer } from '../viewer.ts';
import type { RunFilter } from './run-filter.ts';
import { selectRunIds } from './select-run-ids.ts';

const RUNS = 6_000;
const LIMIT = 10;

/** Rows of the table or an index that a page may read: a page of each status, and a few that do not match. */
const MOST_ROWS = 8 * LIMIT;

const SCHEDULE = '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f';

/** Filters whose matches are all among the first runs, whose statistics promise many, or that match no run. */
const FILTERS: Readonly<Record<string, RunFilter>> = {
  'an agent of the past': { agent: 'retired' },
  'an agent of the past, by status': { agent: 'retired', status: 'failed' },
  'a queue of agents of the past': { agents: ['retired', 'unknown'] },
  'a user of the past': { user: 'gone' },
  'a user of the past, by status': { user: 'gone', status: ['failed', 'cancelled'] },
  'a user, an agent and a team of the past': { user: 'gone', agent: 'retired', team: 'old' },
  'a team of the past': { team: 'old' },
  'a team of the past, by status': { team: 'old', status: 'failed' },
  'a schedule of the past': { scheduleId: SCHEDULE },
  'an error of the past': { errorCode: 'hung' },
  'an error that did not happen': { errorCode: 'worker_lost' },
  'an error that did not happen to a user': { user: 'ann', errorCode: 'hung' },
  'an error that did not happen to an agent': { agent: 'reader', errorCode: 'hung' },
  'an error that did not happen to a team': { team: 'new', errorCode: 'hung' },
  'a status of the past': { status: 'failed' },
  'a status that no run has': { status: 'waiting' },
  'days of the past': { from: new Date(Date.now() - 50 * 86_400_000), to: new Date(Date.now() - 49 * 86_400_000) },
  'an agent in days of the past': { agent: 'reader', to: new Date(Date.now() - 45 * 86_400_000) },
};

describe.each(DATABASE_KINDS)('a page of runs on the %s database', (kind) => {
  let bench: RunBench;
  beforeAll(async () => {
    bench = await createRunBench(kind);
    const { id } = await bench.submit();
    await bench.settle(await bench.claim());
    // The first third is of other users and agents, and failed.
    await sql`
      insert into longhaul.runs (id, agent, queue, status, prompt, session_id, metadata, priority, limits, retry_policy,
                                 max_attempts, created_by, created_at, finished_at, user_id, team, error_code, schedule_id)
      select (left(longhaul.least_id(at)::text, 13) || '-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
             case when is_old then 'retired' else 'reader' end, queue, case when is_old then 'failed' else 'succeeded' end,
             prompt, gen_random_uuid(), metadata, priority, limits, retry_policy, max_attempts, created_by, at, at,
             case when is_old then 'gone' else 'ann' end, case when is_old then 'old' else 'new' end,
             case when is_old then 'hung' end, case when is_old then ${SCHEDULE}::uuid end
        from longhaul.runs, generate_series(1, ${RUNS}::int) as n
       cross join lateral (select now() - interval '60 days' + n * interval '60 days' / ${RUNS}::int as at,
                                  n <= ${RUNS}::int / 3 as is_old) as made
       where runs.id = ${id}`.execute(bench.database.sql);
    await sql`vacuum analyze longhaul.runs`.execute(bench.database.sql);
  });
  afterAll(() => bench.remove());

  const read = (filter: RunFilter, viewer: Viewer = SEES_ALL) => selectRunIds({ viewer, filter, limit: LIMIT });

  it.each(Object.entries(FILTERS))('by %s reads a page of an index, not all runs', async (_name, filter) => {
    const { rows } = await sql<{ 'QUERY PLAN': unknown }>`
      explain (analyze, timing off, format json) ${read(filter)}`.execute(bench.database.sql);
    const scans = listScans(rows[0]!['QUERY PLAN']);
    expect(scans.length).toBeGreaterThan(0);
    for (const { node } of scans) expect(node).toMatch(/^Index/);
    const rowsRead = scans.reduce((sum, { rowsRead, executions }) => sum + rowsRead * executions, 0);
    expect(rowsRead).toBeLessThanOrEqual(MOST_ROWS);
  });

  /** Compares a page with what a plain query finds. */
  const expectNewest = async (filter: RunFilter, before?: string) => {
    const { status, agent, agents, user, team, errorCode, scheduleId, from, to, words, labels = [] } = filter;
    const is = (column: string, value: string | readonly string[] | undefined) =>
      value === undefined ? sql`true` : sql`${sql.ref(column)}::text = any(${sql.val([value].flat())}::text[])`;
    const { rows: expected } = await sql`
      select runs.id from longhaul.runs as runs left join longhaul.run_search as search on run_id = runs.id
       where ${is('status', status)} and ${is('agent', agent)} and ${is('agent', agents)} and ${is('user_id', user)}
         and ${is('team', team)} and ${is('error_code', errorCode)} and ${is('schedule_id', scheduleId)}
         and cost_micros >= ${(filter.minCostUsd ?? 0) * 1e6}
         and created_at >= ${from ?? new Date(0)} and created_at < ${to ?? new Date('2100-01-01')}
         and (${words ?? null}::text is null or words @@ longhaul.to_search(${words ?? null}::text))
         and (${labels.length} = 0 or labels @> ${sql.val([...labels])}::text[])
         and runs.id < ${before ?? 'ffffffff-ffff-ffff-ffff-ffffffffffff'}::uuid
       order by runs.id desc limit ${LIMIT}`.execute(bench.database.sql);
    const { rows } = await selectRunIds({ viewer: SEES_ALL, filter, before, limit: LIMIT }).execute(bench.database.sql);
    expect(rows, JSON.stringify({ filter, before })).toEqual(expected);
  };

  it.each(Object.entries(FILTERS))('by %s contains the newest runs that match', (_name, filter) =>
    expectNewest(filter),
  );

  it('by metadata and cost contains the runs with all of it, whichever part is rare', async () => {
    const { database } = bench;
    const { rows: all } = await sql<{ id: string }>`select id from longhaul.runs order by id`.execute(database.sql);
    const rare = all.filter((_, index) => index % 1_000 === 7).map(({ id }) => id);
    await sql`update longhaul.run_search set labels = array['env=prod']`.execute(database.sql);
    await sql`update longhaul.run_search set labels = array['env=prod', 'ticket=1'] where run_id = any(${rare}::uuid[])`.execute(
      database.sql,
    );
    await sql`update longhaul.runs set cost_micros = 2000000 where id = any(${rare}::uuid[])`.execute(database.sql);
    await sql`update longhaul.runs set cost_micros = 1000000 where not id = any(${rare}::uuid[])`.execute(database.sql);
    const ids = async (filter: RunFilter) => (await read(filter).execute(database.sql)).rows.map((row) => row.id);
    const newest = (list: string[]) => list.toReversed().slice(0, LIMIT);
    expect(await ids({ labels: ['env=prod', 'ticket=1'] })).toEqual(newest(rare));
    expect(await ids({ labels: ['ticket=1', 'env=prod'], agent: 'reader' })).toEqual(newest(rare.slice(2)));
    expect(await ids({ labels: ['env=prod'] })).toEqual(newest(all.map(({ id }) => id)));
    expect(await ids({ labels: ['env=prod', 'ticket=2'] })).toEqual([]);
    expect(await ids({ minCostUsd: 2 })).toEqual(newest(rare));
    expect(await ids({ minCostUsd: 2, agent: 'retired' })).toEqual(newest(rare.slice(0, 2)));
    expect(await ids({ minCostUsd: 1 })).toEqual(newest(all.map(({ id }) => id)));
    expect(await ids({ minCostUsd: 1, labels: ['ticket=1'] })).toEqual(newest(rare));
  });

  describe('by words and labels', () => {
    /** A run in five thousand, in a hundred, in ten, and each. */
    const WORDS = [
      'zebra',
      'quarterly',
      'monthly',
      'invoice',
      'nothing',
      'quarter -zebra',
      'invoice quarterly',
      'invoice monthly',
      'monthly OR zebra',
      '"invoice quarterly"',
      'invoice https://example.com/a?b=1',
    ];
    const LABELS: readonly (readonly string[])[] = [[], ['customer=7'], ['env=prod'], ['env=prod', 'customer=7']];
    const OTHERS: readonly RunFilter[] = [
      {},
      { agent: 'reader' },
      { status: 'failed' },
      { status: ['succeeded', 'cancelled'] },
      { status: 'queued' },
      { user: 'gone', errorCode: 'hung' },
      { team: 'new', minCostUsd: 2 },
      { scheduleId: SCHEDULE },
      { from: new Date(Date.now() - 31 * 86_400_000), to: new Date(Date.now() - 29 * 86_400_000) },
    ];

    beforeAll(async () => {
      const { sql: connection } = bench.database;
      await sql`
        update longhaul.run_search
           set labels = array['env=prod'] || case when n % 150 = 3 then array['customer=7'] else '{}' end,
               words = longhaul.words_of(
                 'invoice' || case when n % 5000 = 4999 then ' zebra' else '' end || case when n % 100 = 3 then ' quarterly' else '' end
                           || case when n % 10 = 3 then ' monthly' else '' end, null)
          from (select id, row_number() over (order by id desc) as n from longhaul.runs) as numbered where id = run_id`.execute(
        connection,
      );
      await sql`update longhaul.runs set cost_micros = 2000000 where id in (
        select id from (select id, row_number() over (order by id desc) as n from longhaul.runs) as numbered where n % 7 = 0)`.execute(
        connection,
      );
    });

    it.each(WORDS)('contains the newest runs with %s, each label and each other filter', async (words) => {
      for (const labels of LABELS) for (const other of OTHERS) await expectNewest({ words, labels, ...other });
    });

    it('finds where to begin without reading all runs', async () => {
      await sql`vacuum longhaul.run_search`.execute(bench.database.sql);
      for (const words of ['zebra', 'quarterly', 'invoice zebra']) {
        const rows = await bench.database.sql.transaction().execute(async (trx) => {
          // The counts of a connection, which may still contain those of its last second.
          const count = async () =>
            Number(
              (
                await sql<{ read: string }>`
                  select pg_stat_get_xact_tuples_returned('longhaul.run_search_pkey'::regclass) as read`.execute(trx)
              ).rows[0]!.read,
            );
          const before = await count();
          await read({ words }).execute(trx);
          return (await count()) - before;
        });
        // The sample of the newest 200, and the row of each match that is looked at.
        expect(rows, words).toBeLessThan(300);
      }
    });

    it('contains the newest runs before each of a row of pages', async () => {
      const { rows } = await sql<{ id: string }>`select id from longhaul.runs order by id desc`.execute(
        bench.database.sql,
      );
      for (let index = 0; index < rows.length; index += 500) {
        await expectNewest({ words: 'quarterly' }, rows[index]!.id);
        await expectNewest({ labels: ['customer=7'], status: 'failed' }, rows[index]!.id);
      }
    });

    it('contains them while the marks of older runs are not noted yet', async () => {
      const { sql: connection } = bench.database;
      await sql`update longhaul.run_search set marks = '{}' where run_id in (
        select run_id from longhaul.run_search order by run_id limit 5000)`.execute(connection);
      await sql`insert into longhaul.runs_without_words select run_id from longhaul.run_search where marks = '{}'`.execute(
        connection,
      );
      await expectNewest({ words: 'quarterly' });
      await expectNewest({ words: 'quarterly', to: new Date(Date.now() - 29 * 86_400_000) });
      await expectNewest({ words: 'quarterly', agent: 'retired', status: 'failed' });
      await expectNewest({ labels: ['customer=7'], user: 'gone', errorCode: 'hung' });
      const { signal } = new AbortController();
      expect(await noteOldWords(bench.database, { signal })).toBe(5_000);
      await expectNewest({ words: 'quarterly', to: new Date(Date.now() - 29 * 86_400_000) });
    });
  });

  it('contains a run that ended while its marks were noted', async () => {
    const { database } = bench;
    const { id } = await bench.submit({ prompt: 'a lighthouse' });
    await sql`delete from longhaul.run_search where run_id = ${id}`.execute(database.sql);
    await sql`insert into longhaul.runs_without_words values (${id})`.execute(database.sql);
    const { signal } = new AbortController();
    const noting = await database.sql.transaction().execute(async (trx) => {
      await sql`update longhaul.runs set status = 'failed', error_code = 'hung', result = 'a rock' where id = ${id}`.execute(
        trx,
      );
      const begun = noteOldWords(database, { signal });
      await delay(300);
      return { begun };
    });
    expect(await noting.begun).toBe(1);
    for (const words of ['lighthouse', 'rock'])
      expect((await read({ words, status: 'failed', errorCode: 'hung' }).execute(database.sql)).rows).toEqual([{ id }]);
  });

  it('contains only what the viewer may see, whatever the filter', async () => {
    const ids = async (filter: RunFilter, viewer: Viewer) =>
      (await read(filter, viewer).execute(bench.database.sql)).rows.length;
    expect(await ids({}, { user: 'gone', team: null })).toBe(LIMIT);
    expect(await ids({ user: 'ann' }, { user: 'gone', team: null })).toBe(0);
    expect(await ids({ team: 'new' }, { user: null, team: 'old' })).toBe(0);
    expect(await ids({ status: [] }, SEES_ALL)).toBe(0);
    await sql`update longhaul.runs set tenant = team where user_id = 'gone'`.execute(bench.database.sql);
    expect(await ids({}, { user: 'gone', team: null })).toBe(0);
    expect(await ids({}, { user: 'gone', team: 'old' })).toBe(LIMIT);
  });

  it('has room in its indexes for the longest user and team', async () => {
    const longest = '漢'.repeat(200);
    const { id } = await bench.submit({ user: longest, team: `${longest.slice(1)}a`, tenant: `${longest.slice(1)}a` });
    const { rows } = await read({ user: longest }).execute(bench.database.sql);
    expect(rows).toEqual([{ id }]);
  });
});
