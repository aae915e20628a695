import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createRandom } from '../../../test/chaos/random.ts';
import { createTestDatabase, DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { Database } from '../../db/database.ts';
import { COST_GROUPINGS, type CostGrouping } from './add-up-costs.ts';
import { createTestLedger, type TestAttempt } from './cost.fixture.ts';
import { readForecast } from './cost-forecast.ts';
import { toCostRange, type CostInstant } from './cost-range.ts';
import { readCosts, type CostCursor, type CostRow } from './costs.ts';
import { SEES_ALL } from '../viewer.ts';

/** Days of 23 and 25 hours; a day without a midnight, and a day with two; and an offset of half an hour from UTC. */
const TIME_ZONES = ['Europe/Berlin', 'America/Santiago', 'America/Havana', 'Asia/Kolkata'];

describe.each(DATABASE_KINDS)('the costs, on the %s database', (kind) => {
  let database: Database;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    ({ database, remove } = await createTestDatabase(kind));
  });
  afterAll(() => remove());
  beforeEach(async () => (await createTestLedger(database, 'UTC')).clear());

  const now = new Date('2026-11-23T12:00:00Z');
  const post = async (attempt: TestAttempt, timeZone = 'UTC') =>
    (await createTestLedger(database, timeZone)).post(attempt);

  interface Query {
    readonly from?: CostInstant;
    readonly to?: CostInstant;
    readonly timeZone?: string;
    readonly limit?: number;
    readonly after?: CostCursor;
  }
  const read = async (groupBy: CostGrouping, { from, to, timeZone = 'UTC', limit = 200, after }: Query = {}) => {
    const range = await toCostRange(database, { from, to, timeZone, now });
    return readCosts(database, { viewer: SEES_ALL, groupBy, range, limit, after });
  };

  it.each(TIME_ZONES)('equal a plain sum of the entries, between any two instants, in %s', async (timeZone) => {
    const { next: random } = createRandom(timeZone.length);
    const ledger = await createTestLedger(database, timeZone);
    const start = Date.parse('2026-01-20T00:00:00Z');
    const instant = () =>
      new Date(start + Math.floor(random() * 330) * 86_400_000 + Math.floor(random() * 24) * 3_600_000);
    const oneOf = <T>(...values: T[]) => values[Math.floor(random() * values.length)]!;
    const micros = () => oneOf(null, Math.floor(random() * 90_000));
    for (let index = 0; index < 250; index++) {
      const names = oneOf<(string | null)[]>(['a'], ['a', 'b'], ['b', 'c', 'a'], [null]);
      await ledger.post({
        at: instant(),
        user: oneOf('ann', 'bob', 'Ärger', null),
        team: oneOf('red', null),
        agent: oneOf('reader', 'coder'),
        outcome: oneOf('succeeded', 'failed', 'cancelled'),
        ...oneOf({}, { concludes: null }),
        models: names.map((model) => ({
          model,
          costMicros: Math.floor(random() * 100_000),
          ownMicros: model === 'c' ? null : micros(),
          sdkMicros: micros(),
          tokens: Math.floor(random() * 1_000),
        })),
      });
    }
    for (let round = 0; round < 20; round++) {
      const [from, to] = [instant(), instant()].toSorted((a, b) => a.getTime() - b.getTime()) as [Date, Date];
      for (const groupBy of COST_GROUPINGS) {
        const { rows, totals, next } = await read(groupBy, { from, to, timeZone });
        const context = `${groupBy} from ${from.toISOString()} to ${to.toISOString()}`;
        expect(rows.map(toPlain), context).toEqual(await sumPlainly(database, { groupBy, from, to, timeZone }));
        const all = await sumPlainly(database, { groupBy: null, from, to, timeZone });
        expect([toPlain({ key: null, ...totals })], context).toEqual(all.length === 0 ? [NOTHING] : all);
        expect(next).toBeNull();
      }
    }
  });

  it('cover the current month when no range is given, and the month in which a range ends when only its end is given', async () => {
    for (const at of [
      '2026-10-31T23:59:59.999999Z',
      '2026-11-01T00:00:00Z',
      '2026-11-30T23:59:59Z',
      '2026-12-01T00:00:00Z',
    ])
      await post({ at, models: [{ model: 'm', costMicros: 1 }] });
    const keys = async (query: Query) => (await read('day', query)).rows.map(({ key }) => key);
    expect(await keys({})).toEqual(['2026-11-30', '2026-11-01']);
    expect(await keys({ to: '2026-11-01' })).toEqual(['2026-10-31']);
    expect(await keys({ from: '2026-10-01' })).toEqual(['2026-11-30', '2026-11-01', '2026-10-31']);
    expect(await keys({ from: '2026-11-30', to: '2026-12-01' })).toEqual(['2026-11-30']);
    expect(await keys({ from: '2027-02-01' })).toEqual([]);
    expect(await keys({ from: '2026-11-30', to: '2026-11-01' })).toEqual([]);
    expect(await toCostRange(database, { timeZone: 'Asia/Tokyo', now })).toMatchObject({
      from: new Date('2026-10-31T15:00:00Z'),
      to: new Date('2026-11-30T15:00:00Z'),
    });
  });

  it('begin a day with two midnights at the first, and a day without one at the instant in its place', async () => {
    const start = async (from: string, timeZone: string) =>
      (await toCostRange(database, { from, timeZone, now })).from.toISOString();
    expect(await start('2026-11-01', 'America/Havana')).toBe('2026-11-01T04:00:00.000Z');
    expect(await start('2026-11-02', 'America/Havana')).toBe('2026-11-02T05:00:00.000Z');
    expect(await start('2026-09-06', 'America/Santiago')).toBe('2026-09-06T04:00:00.000Z');
  });

  it('do not count usage without a price as zero', async () => {
    await post({ at: now, user: 'known', models: [{ model: 'm', costMicros: 10, ownMicros: 9, sdkMicros: 11 }] });
    await post({ at: now, user: 'unknown', models: [{ model: 'x', costMicros: 7, sdkMicros: 7 }] });
    await post({ at: now, user: 'free', models: [{ model: 'x', costMicros: 0 }] });
    await post({ at: now, user: 'idle' });
    const { rows, totals } = await read('user');
    const own = ({ key, ownCostUsd, unpricedUsd, isOwnCostWhole, driftUsd }: CostRow) => {
      return { key, ownCostUsd, unpricedUsd, isOwnCostWhole, driftUsd };
    };
    expect(rows.map(own)).toEqual([
      { key: 'known', ownCostUsd: 0.000009, unpricedUsd: 0, isOwnCostWhole: true, driftUsd: 0.000002 },
      { key: 'unknown', ownCostUsd: null, unpricedUsd: 0.000007, isOwnCostWhole: false, driftUsd: null },
      { key: 'free', ownCostUsd: null, unpricedUsd: 0, isOwnCostWhole: false, driftUsd: null },
      { key: 'idle', ownCostUsd: 0, unpricedUsd: 0, isOwnCostWhole: true, driftUsd: null },
    ]);
    expect(totals).toMatchObject({
      costUsd: 0.000017,
      ownCostUsd: 0.000009,
      unpricedUsd: 0.000007,
      isOwnCostWhole: false,
    });
  });

  it('give the cost of a succeeded run, failures and retries included', async () => {
    await post({ at: now, outcome: 'failed', concludes: null, models: [{ model: 'm', costMicros: 300 }] });
    await post({ at: now, outcome: 'handed_back', concludes: null, models: [{ model: 'm', costMicros: 50 }] });
    await post({
      at: now,
      models: [
        { model: 'm', costMicros: 500 },
        { model: 'n', costMicros: 1 },
      ],
    });
    await post({ at: now, outcome: 'failed', models: [{ model: 'm', costMicros: 150 }] });
    const { rows, totals } = await read('model');
    expect(totals).toMatchObject({
      runs: 2,
      succeededRuns: 1,
      attempts: 4,
      retriedCostUsd: 0.0003,
      costPerSucceededRunUsd: 0.001001,
    });
    expect(rows).toMatchObject([
      { key: 'm', runs: 2, succeededRuns: 1, attempts: 4, costPerSucceededRunUsd: 0.001 },
      { key: 'n', runs: 1, succeededRuns: 1, attempts: 1 },
    ]);
    expect((await read('month', { to: '2026-11-01' })).totals).toMatchObject({
      costUsd: 0,
      costPerSucceededRunUsd: null,
    });
  });

  it.each(['user', 'day'] as const)(
    'return pages by %s, with each row once, even if rows are equal',
    async (groupBy) => {
      for (let index = 0; index < 7; index++) {
        const at = `2026-11-${10 + index}T09:00:00Z`;
        await post({
          at,
          user: index === 3 ? null : `u${index}`,
          models: [{ model: 'm', costMicros: index < 5 ? 5 : 8 }],
        });
      }
      const { rows: all } = await read(groupBy);
      const found: CostRow[] = [];
      let after: CostCursor | undefined;
      do {
        const page = await read(groupBy, { limit: 2, ...(after !== undefined && { after }) });
        expect(page.totals.costUsd).toBe(0.000041);
        found.push(...page.rows);
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(found).toEqual(all);
      expect(all.map(({ key }) => key)).toEqual(
        groupBy === 'user'
          ? ['u5', 'u6', null, 'u0', 'u1', 'u2', 'u4']
          : ['16', '15', '14', '13', '12', '11', '10'].map((day) => `2026-11-${day}`),
      );
    },
  );

  it("include a settlement's entry and its sum at the same time", async () => {
    let isOver = false;
    const writing = (async () => {
      for (let index = 0; index < 40; index++)
        await post({ at: now, user: `u${index % 3}`, models: [{ model: 'm', costMicros: 1_000 }] });
      isOver = true;
    })();
    while (!isOver) {
      const { rows, totals } = await read('user', {
        from: new Date(now.getTime() - 1),
        to: new Date(now.getTime() + 1),
      });
      expect(Math.round(rows.reduce((sum, { costUsd }) => sum + costUsd * 1e6, 0))).toBe(
        Math.round(totals.costUsd * 1e6),
      );
    }
    await writing;
  });

  describe('as a forecast', () => {
    const charge = (at: string, costMicros: number) => post({ at, models: [{ model: 'm', costMicros }] });
    const forecast = (at = now) => readForecast(database, { viewer: SEES_ALL, timeZone: 'UTC', now: at });

    it('are unknown without any data', async () => {
      expect(await forecast()).toEqual({ dayUsd: null, monthUsd: null });
    });

    it('continue at the rate since midnight on the first day', async () => {
      await charge('2026-11-23T09:00:00Z', 6_000_000);
      expect(await forecast()).toEqual({ dayUsd: 12, monthUsd: 12 + 7 * 12 });
    });

    it('continue at the rate of the whole days since the first attempt, up to seven', async () => {
      await charge('2026-11-22T23:00:00Z', 2_000_000);
      await charge('2026-11-23T09:00:00Z', 6_000_000);
      expect(await forecast()).toEqual({ dayUsd: 7, monthUsd: 8 + 1 + 7 * 2 });
      await charge('2026-10-01T09:00:00Z', 99_000_000);
      await charge('2026-11-16T00:00:00Z', 12_000_000);
      expect(await forecast()).toEqual({ dayUsd: 7, monthUsd: 20 + 1 + 7 * 2 });
    });

    it('stay unchanged when nothing was spent for a week', async () => {
      await charge('2026-11-02T09:00:00Z', 3_000_000);
      expect(await forecast()).toEqual({ dayUsd: 0, monthUsd: 3 });
    });
  });
});

const NOTHING: ReturnType<typeof toPlain> = {
  key: null,
  cost: 0,
  own: 0,
  unpriced: 0,
  retried: 0,
  drift: 0,
  counts: [0, 0, 0],
  tokens: [0, 0, 0, 0, 0, 0],
};

/** A row in micro-dollars, as `sumPlainly` returns it. */
function toPlain(row: CostRow) {
  const micros = (usd: number | null) => Math.round((usd ?? 0) * 1e6);
  return {
    key: row.key,
    cost: micros(row.costUsd),
    own: micros(row.ownCostUsd),
    unpriced: micros(row.unpricedUsd),
    retried: micros(row.retriedCostUsd),
    drift: micros(row.driftUsd),
    counts: [row.runs, row.succeededRuns, row.attempts],
    tokens: [
      row.inputTokens,
      row.outputTokens,
      row.cacheReadTokens,
      row.cacheCreationTokens,
      row.cacheCreation1hTokens,
      row.thinkingTokens,
    ],
  };
}

/** Computes the same without stored sums: reads every entry. Counts distinct runs and attempts, not entries. */
async function sumPlainly(
  database: Database,
  { groupBy, from, to, timeZone }: { groupBy: CostGrouping | null; from: Date; to: Date; timeZone: string },
) {
  const keys = {
    day: sql`to_char(at at time zone ${timeZone}, 'YYYY-MM-DD')`,
    month: sql`to_char(at at time zone ${timeZone}, 'YYYY-MM')`,
    user: sql`user_id`,
    team: sql`team`,
    agent: sql`agent`,
    model: sql`model`,
  };
  const order = groupBy === 'day' || groupBy === 'month' ? sql`key desc` : sql`cost desc, key collate "C" nulls first`;
  const { rows } = await sql<ReturnType<typeof toPlain>>`
    select key, sum(cost_micros)::int as cost, coalesce(sum(own_cost_micros), 0)::int as own,
           coalesce(sum(cost_micros) filter (where own_cost_micros is null), 0)::int as unpriced,
           coalesce(sum(cost_micros) filter (where outcome = 'failed' and concludes is null), 0)::int as retried,
           coalesce(sum(sdk_cost_micros - own_cost_micros), 0)::int as drift,
           array[count(distinct run_id) filter (where concludes is not null),
                 count(distinct run_id) filter (where concludes = 'succeeded'), count(distinct attempt_id)]::int[] as counts,
           array[sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_creation_tokens),
                 sum(cache_creation_1h_tokens), coalesce(sum(thinking_tokens), 0)]::int[] as tokens
      from (select *, ${groupBy === null ? sql`null::text` : keys[groupBy]} as key from longhaul.ledger_entries
             where at >= ${from} and at < ${to}) as entry
     group by key order by ${order}`.execute(database.sql);
  return rows;
}
