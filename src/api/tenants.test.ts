import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { LonghaulConfig } from '../config/schema.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type {
  BudgetResource,
  CostsResource,
  Problem,
  RunResource,
  ScheduleResource,
  StreamPage,
  TokenResource,
} from './contract.ts';
import { openFrames } from './frames.fixture.ts';

/** Teams with a user named `ann`, like the application. */
describe.each(DATABASE_KINDS)('users with the same name, on the %s database', (kind) => {
  let service: TestApi;
  let request: TestApi['request'];
  /** Callers that all act for a user `ann`, or name one. The first three are for different users. */
  const callers: Record<string, string> = {};

  beforeAll(async () => {
    service = await startApi(kind);
    request = service.request;
    callers['application'] = service.plainKey;
    callers['north'] = await service.makeKey({ team: 'north' });
    callers['south'] = await service.makeKey({ team: 'south' });
    callers['ann'] = await service.makeKey({ user: 'ann' });
    callers['annToken'] = await issue(service.plainKey, { user: 'ann' });
    callers['northToken'] = await issue(service.plainKey, { user: 'ann', team: 'north' });
    callers['southToken'] = await issue(callers['south'], { user: 'ann' });
  });
  afterAll(() => service.close());

  async function issue(key: string, body: object): Promise<string> {
    const issued = await service.post('/v1/tokens', body, { authorization: `Bearer ${key}` });
    return ((await issued.json()) as TokenResource).token;
  }
  const as = (caller: string, path: string, { method = 'GET', body }: { method?: string; body?: object } = {}) =>
    request(path, {
      method,
      key: callers[caller]!,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  /** Submits without the fields that the caller may not set. */
  const submit = (caller: string, changes: object = {}) =>
    as(caller, '/v1/runs', {
      method: 'POST',
      body: { agent: 'reader', prompt: 'hello', user: 'ann', ...changes },
    });
  const accepted = async (caller: string, changes: object = {}) => {
    const response = await submit(caller, changes);
    expect(response.status).toBe(202);
    return (await response.json()) as RunResource;
  };
  const configure = (limits: LonghaulConfig['limits']) => (request = service.startServer(limits));

  it('each have their own submissions a minute, by key or by token', async () => {
    configure({ perUser: { runsPerMinute: 2 } });
    for (const caller of ['north', 'south', 'application', 'north', 'south', 'application']) await accepted(caller);
    for (const caller of ['north', 'northToken', 'south', 'southToken', 'application', 'ann', 'annToken']) {
      expect((await submit(caller)).status).toBe(429);
    }
    // Even if the concatenated names would be the same text.
    const west = await service.makeKey({ team: 'nor' });
    callers['nor'] = west;
    await accepted('nor', { user: 'thann' });
    configure({ perUser: { runsPerMinute: false } });
  });

  it('each have their own budget, and see no amounts of another user', async () => {
    const limits = { perUser: { runsPerMinute: false as const, usdPerDay: 3 } };
    configure(limits);
    const dear = { limits: { maxBudgetUsd: 1 } };
    for (const caller of ['north', 'north', 'south']) await accepted(caller, { ...dear, user: 'meg' });
    const refused = await submit('north', { user: 'meg', limits: { maxBudgetUsd: 1 } });
    expect(refused.status).toBe(202);
    const full = await submit('north', { ...dear, user: 'meg' });
    expect(full.status).toBe(402);
    expect(((await full.json()) as Problem).detail).toContain('$3.00 are reserved');
    await accepted('south', { ...dear, user: 'meg' });
    await accepted('application', { ...dear, user: 'meg' });
    const token = await issue(callers['south']!, { user: 'meg' });
    callers['meg'] = token;
    const own = ((await (await as('meg', '/v1/budgets')).json()) as { data: BudgetResource[] }).data;
    expect(own.find(({ period }) => period === 'day')).toMatchObject({
      scope: 'user',
      key: 'meg',
      team: 'south',
      reservedUsd: 2,
    });
    const all = async (query: string) =>
      ((await (await request(`/v1/budgets?scope=user&${query}`)).json()) as { data: BudgetResource[] }).data
        .filter(({ period }) => period === 'day')
        .map(({ team, reservedUsd }) => [team, reservedUsd]);
    expect(await all('key=meg')).toEqual([[null, 1]]);
    expect(await all('key=meg&team=north')).toEqual([['north', 3]]);
    const put = (body: object) =>
      request('/v1/budgets', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    expect((await put({ scope: 'user', key: 'meg', team: 'north', usdPerDay: 4 })).status).toBe(200);
    await accepted('north', { ...dear, user: 'meg' });
    expect((await put({ scope: 'team', key: 'north', team: 'north', usdPerDay: 4 })).status).toBe(400);
    expect((await request('/v1/budgets?team=north')).status).toBe(400);
    configure({ perUser: { runsPerMinute: false } });
  });

  it('do not see each other: runs, events, sessions, schedules, costs', async () => {
    const cron = { agent: 'reader', prompt: 'hello', cron: '@yearly', user: 'ann' };
    const schedules: Record<string, string> = {};
    const runs: Record<string, RunResource> = {};
    const start = ((await (await as('ann', '/v1/stream')).json()) as StreamPage).nextCursor ?? 0;
    for (const caller of ['application', 'north', 'south']) {
      runs[caller] = await accepted(caller);
      const created = await as(caller, '/v1/schedules', { method: 'POST', body: cron });
      schedules[caller] = ((await created.json()) as ScheduleResource).id;
    }
    const sees = {
      ann: ['application'],
      annToken: ['application'],
      north: ['north'],
      northToken: ['north'],
      south: ['south'],
      southToken: ['south'],
    };
    for (const [caller, seen] of Object.entries(sees)) {
      const events = ((await (await as(caller, `/v1/stream?after=${start}&limit=200`)).json()) as StreamPage).data;
      for (const [owner, run] of Object.entries(runs)) {
        const status = seen.includes(owner) ? 200 : 404;
        for (const path of [
          `/v1/runs/${run.id}`,
          `/v1/runs/${run.id}/events`,
          `/v1/sessions/${run.sessionId}`,
          `/v1/schedules/${schedules[owner]}`,
        ]) {
          expect(`${caller} ${path} ${(await as(caller, path)).status}`).toBe(`${caller} ${path} ${status}`);
        }
        expect(events.some(({ runId }) => runId === run.id)).toBe(status === 200);
        for (const list of ['/v1/runs', '/v1/sessions', '/v1/runs?user=ann']) {
          const { data } = (await (await as(caller, `${list}${list.includes('?') ? '&' : '?'}limit=200`)).json()) as {
            data: { id: string }[];
          };
          const id = list === '/v1/sessions' ? run.sessionId : run.id;
          expect(data.some((one) => one.id === id)).toBe(status === 200);
        }
        if (status === 200) continue;
        for (const [path, body] of [
          [`/v1/runs/${run.id}/cancel`, {}],
          [`/v1/runs/${run.id}/retry`, {}],
          [`/v1/runs/${run.id}/messages`, { prompt: 'and then?' }],
          [`/v1/schedules/${schedules[owner]}/trigger`, {}],
        ] as const) {
          expect((await as(caller, path, { method: 'POST', body })).status).toBe(404);
        }
        const joined = await submit(caller, { sessionId: run.sessionId });
        expect(joined.status).toBe(404);
      }
    }
    for (const id of Object.values(schedules)) await request(`/v1/schedules/${id}`, { method: 'DELETE' });
  });

  it('each have their own costs and forecasts', async () => {
    const finish = async (caller: string) => {
      const { id } = await accepted(caller, { user: 'zoe' });
      for (;;) {
        const claimed = await service.claim();
        await service.finish(claimed);
        if (claimed.run.id === id) return;
      }
    };
    await finish('north');
    callers['zoe'] = await service.makeKey({ user: 'zoe' });
    callers['northZoe'] = await service.makeKey({ user: 'zoe', team: 'north' });
    const costs = async (caller: string) =>
      (await (await as(caller, '/v1/costs?groupBy=user')).json()) as CostsResource;
    expect(await costs('zoe')).toMatchObject({ data: [], totals: { costUsd: 0 }, forecast: { dayUsd: null } });
    expect(await costs('northZoe')).toMatchObject({ totals: { costUsd: 0.0015 } });
    await finish('application');
    const { totals, forecast } = await costs('zoe');
    expect(totals).toMatchObject({ costUsd: 0.0015 });
    expect(forecast.dayUsd).toBeGreaterThanOrEqual(0.0015);
  });

  it('receive live events only for their own runs', async () => {
    const frames = openFrames(
      await request('/v1/stream', { key: callers['ann']!, headers: { accept: 'text/event-stream' } }),
    );
    await accepted('north');
    const own = await accepted('application');
    let frame = await frames.next();
    while (frame.event !== 'run.queued') frame = await frames.next();
    expect(JSON.parse(frame.data!)).toMatchObject({ runId: own.id });
    await frames.close();
  });

  it('keep their identity when an operator retries their run, or sends a message to their session', async () => {
    const run = await accepted('north');
    await as('north', `/v1/runs/${run.id}/cancel`, { method: 'POST' });
    for (const [path, body] of [
      [`/v1/runs/${run.id}/retry`, {}],
      [`/v1/runs/${run.id}/messages`, { prompt: 'and then?' }],
    ] as const) {
      const again = (await (await service.post(path, body)).json()) as RunResource;
      expect(again).toMatchObject({ user: 'ann', team: 'north' });
      expect((await as('ann', `/v1/runs/${again.id}`)).status).toBe(404);
      expect((await as('northToken', `/v1/runs/${again.id}`)).status).toBe(200);
    }
  });
});
