import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createTestLedger, type TestAttempt } from '../../run/costs/cost.fixture.ts';
import { startApi, type TestApi } from '../api.fixture.ts';
import type { CostsResource, Problem } from '../contract.ts';

describe.each(DATABASE_KINDS)('the costs over HTTP, on the %s database', (kind) => {
  let service: TestApi;
  let post: (attempt: TestAttempt) => Promise<void>;

  beforeAll(async () => {
    service = await startApi(kind);
  });
  afterAll(() => service.close());
  beforeEach(async () => {
    const ledger = await createTestLedger(service.database, service.rules.timeZone);
    await ledger.clear();
    ({ post } = ledger);
  });

  const read = async (query = '') => {
    const response = await service.request(`/v1/costs${query}`);
    expect(response.status).toBe(200);
    return (await response.json()) as CostsResource;
  };
  const refusal = async (query: string) => {
    const response = await service.request(`/v1/costs${query}`);
    expect(response.status, query).toBe(400);
    return (await response.json()) as Problem;
  };

  it('default to this month by day, with a forecast', async () => {
    await post({
      at: new Date(),
      models: [{ model: 'm', costMicros: 1_500, ownMicros: 1_400, sdkMicros: 1_500, tokens: 7 }],
    });
    const day = new Date().toISOString().slice(0, 10);
    const sums = {
      costUsd: 0.0015,
      ownCostUsd: 0.0014,
      unpricedUsd: 0,
      isOwnCostWhole: true,
      runs: 1,
      succeededRuns: 1,
      attempts: 1,
      inputTokens: 7,
      outputTokens: 14,
      cacheReadTokens: 21,
      cacheCreationTokens: 35,
      cacheCreation1hTokens: 7,
      thinkingTokens: 7,
      costPerSucceededRunUsd: 0.0015,
      retriedCostUsd: 0,
      driftUsd: 0.0001,
    };
    const costs = await read();
    expect(costs).toEqual({
      data: [{ key: day, ...sums }],
      nextCursor: null,
      totals: sums,
      forecast: { dayUsd: expect.any(Number) as number, monthUsd: expect.any(Number) as number },
      from: `${day.slice(0, 8)}01T00:00:00.000Z`,
      to: expect.stringMatching(/-01T00:00:00\.000Z$/) as string,
      timeZone: 'UTC',
    });
    expect(costs.forecast.dayUsd).toBeGreaterThanOrEqual(0.0015);
  });

  it('start and end at a day or an instant, in pages', async () => {
    for (const [day, user] of [
      ['09', 'ann'],
      ['10', 'bob'],
      ['11', 'cid'],
      ['12', 'dan'],
    ] as const)
      await post({ at: `2026-03-${day}T12:00:00Z`, user, models: [{ model: 'm', costMicros: 5 }] });
    expect((await read('?from=2026-03-10&to=2026-03-12')).data.map(({ key }) => key)).toEqual([
      '2026-03-11',
      '2026-03-10',
    ]);
    const query = '?groupBy=user&from=2026-03-09T13:00:00%2B01:00&to=2026-03-12T12:00:00.001Z&limit=3';
    const first = await read(query);
    expect(first.data.map(({ key }) => key)).toEqual(['ann', 'bob', 'cid']);
    const second = await read(`${query}&cursor=${first.nextCursor}`);
    expect(second).toMatchObject({ data: [{ key: 'dan' }], nextCursor: null, from: '2026-03-09T12:00:00.000Z' });
    expect(second.totals).toEqual(first.totals);
    const other = await refusal(`?groupBy=team&cursor=${first.nextCursor}`);
    expect(other.errors).toEqual([
      { path: 'cursor', message: expect.stringContaining('with the same groupBy') as string },
    ]);
  });

  it('reject an invalid query and name the field', async () => {
    for (const [query, path] of [
      ['?groupBy=hour', 'groupBy'],
      ['?from=yesterday', 'from'],
      ['?from=2026-02-30', 'from'],
      ['?from=2026-02-28T24:61:00Z', 'from'],
      ['?from=1969-12-31', 'from'],
      ['?to=9999-12-31', 'to'],
      ['?to=', 'to'],
      ['?from=2026-03-10&to=2026-03-10', 'to'],
      ['?from=2026-03-10T00:00:00Z&to=2026-03-09', 'to'],
      ['?cursor=x', 'cursor'],
      [`?cursor=${Buffer.from('["day","\u0000",1]').toString('base64url')}`, 'cursor'],
      ['?limit=0', 'limit'],
      ['?limit=201', 'limit'],
      ['?user=ann', 'user'],
    ] as const) {
      const problem = await refusal(query);
      expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ path }] });
    }
    expect((await refusal('?from=2026-03-10&to=2026-03-09')).detail).toBe(
      'to must be after from, 2026-03-10T00:00:00.000Z; received 2026-03-09T00:00:00.000Z.',
    );
  });

  it('can be read for any time between the first and the last allowed year', async () => {
    for (const query of [
      '?from=1970-01-01&to=9998-12-31',
      '?from=9998-12-31',
      '?to=1970-01-02',
      '?from=1970-01-01&groupBy=user',
    ])
      expect((await read(query)).totals.costUsd).toBe(0);
  });

  it('are shown to operators only', async () => {
    const response = await service.request('/v1/costs', { key: service.plainKey });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'forbidden' });
  });
});
