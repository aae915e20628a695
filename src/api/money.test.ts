import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { startApi, type TestApi } from './api.fixture.ts';

describe.each(DATABASE_KINDS)('limits on submissions, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });

  afterAll(() => service.close());

  let request: TestApi['request'];
  const toBody = (changes: object) => ({
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ agent: 'reader', prompt: 'hello', ...changes }),
  });
  const submit = (changes: object = {}) => request('/v1/runs', toBody(changes));
  const put = (body: object) =>
    request('/v1/budgets', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  it('accept five submissions a minute from each user, and report the remaining number', async () => {
    request = service.startServer({});
    const first = await submit({ user: 'ann' });
    expect(first.status).toBe(202);
    expect(first.headers.get('ratelimit-policy')).toBe('"user";q=5;w=60');
    expect(first.headers.get('ratelimit')).toMatch(/^"user";r=4;t=(60|5\d)$/);
    const rest = await Promise.all(Array.from({ length: 9 }, () => submit({ user: 'ann' })));
    expect(rest.filter(({ status }) => status === 202)).toHaveLength(4);
    expect(rest.filter(({ status }) => status === 429)).toHaveLength(5);
    // Includes the last rejection, which the limiter answers from memory.
    const refused = rest.findLast(({ status }) => status === 429)!;
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(refused.headers.get('ratelimit')).toMatch(/^"user";r=0;t=\d+$/);
    expect(await refused.json()).toMatchObject({
      code: 'rate_limited',
      detail: expect.stringContaining('5 runs a minute') as string,
    });
    expect((await submit({ user: 'bob' })).status).toBe(202);
    // A submission without a user is not counted for a user.
    for (let count = 0; count < 7; count++) expect((await submit()).status).toBe(202);
    // An invalid submission is not counted.
    for (let count = 0; count < 7; count++) expect((await submit({ user: 'carl', prompt: '' })).status).toBe(400);
    expect((await submit({ user: 'carl' })).status).toBe(202);
  });

  it('count across several servers, by key as well, and reject everything at zero', async () => {
    const limits = { perUser: { runsPerMinute: false as const }, perKey: { runsPerMinute: 3 } };
    const servers = [service.startServer(limits), service.startServer(limits)];
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) => servers[index % 2]!('/v1/runs', toBody({ user: `u${index}` }))),
    );
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(3);
    expect((await servers[0]!('/v1/runs', { ...toBody({}), key: service.plainKey })).status).toBe(202);
    request = service.startServer({ perUser: { runsPerMinute: 0 } });
    expect((await submit({ user: 'nobody' })).status).toBe(429);
  });

  it('count a run that is retried by hand, unless an operator retries it', async () => {
    request = service.startServer({});
    const asApplication = (path: string, options: object = { method: 'POST' }) =>
      request(path, { key: service.plainKey, ...options });
    const { id } = (await (await asApplication('/v1/runs', toBody({ user: 'again' }))).json()) as { id: string };
    await asApplication(`/v1/runs/${id}/cancel`);
    const statuses = [];
    for (let count = 0; count < 6; count++) statuses.push((await asApplication(`/v1/runs/${id}/retry`)).status);
    expect(statuses).toEqual([202, 202, 202, 202, 429, 429]);
    expect((await request(`/v1/runs/${id}/retry`, { method: 'POST' })).status).toBe(202);
  });

  it('hide the amounts of shared budgets from an application', async () => {
    request = service.startServer({ global: { usdPerDay: 0.5 } });
    const refused = await request('/v1/runs', { ...toBody({}), key: service.plainKey });
    expect(refused.status).toBe(402);
    const problem = (await refused.json()) as { budget: object; detail: string };
    expect(Object.keys(problem.budget)).toEqual(['scope', 'period', 'resetsAt']);
    expect(problem.detail).not.toContain('$');
  });

  it('reject a submission with 402 when a budget has no room, until an operator raises it', async () => {
    request = service.startServer({ perTeam: { usdPerDay: 1 } });
    expect(await (await submit({ team: 'ops' })).json()).toMatchObject({ team: 'ops', status: 'queued' });
    const refused = await submit({ team: 'ops' });
    expect(refused.status).toBe(402);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({
      code: 'team_budget',
      budget: { scope: 'team', period: 'day', limitUsd: 1, reservedUsd: 1, spentUsd: 0 },
    });
    expect(await (await put({ scope: 'team', key: 'ops', usdPerDay: 2 })).json()).toMatchObject({
      data: expect.arrayContaining([
        expect.objectContaining({ key: 'ops', period: 'day', limitUsd: 2, isChanged: true, reservedUsd: 1 }),
      ]) as unknown,
    });
    expect((await submit({ team: 'ops' })).status).toBe(202);
    const { data } = (await (await request('/v1/budgets?scope=global')).json()) as { data: unknown[] };
    expect(data).toMatchObject([
      { key: null, period: 'day', limitUsd: null, reservedUsd: 2 },
      { key: null, period: 'month', limitUsd: null, reservedUsd: 2 },
    ]);
    expect(await (await put({ scope: 'team', usdPerDay: 2 })).json()).toMatchObject({ errors: [{ path: 'key' }] });
    expect(await (await put({ scope: 'global', key: 'x' })).json()).toMatchObject({ errors: [{ path: 'key' }] });
    expect((await put({ scope: 'user', key: 'x', usdPerDay: -1 })).status).toBe(400);
    expect((await request('/v1/budgets', { key: service.plainKey })).status).toBe(403);
  });
});
