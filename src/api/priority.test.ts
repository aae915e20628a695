import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startApi, type TestApi } from './api.fixture.ts';
import type { Problem, RunResource, ScheduleResource, TokenResource } from './contract.ts';

describe('the priority of a caller bound to a user or team', () => {
  let service: TestApi;
  let token: string;
  let teamKey: string;

  beforeAll(async () => {
    service = await startApi('embedded');
    teamKey = await service.makeKey({ team: 'north' });
    const issued = await service.post('/v1/tokens', { user: 'ann' }, { authorization: `Bearer ${service.plainKey}` });
    ({ token } = (await issued.json()) as TokenResource);
  });
  afterAll(() => service.close());

  const send = (key: string, path: string, body: object, { method = 'POST', request = service.request } = {}) =>
    request(path, {
      method,
      key,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const run = (priority: number) => ({ agent: 'reader', prompt: 'hello', priority });
  const schedule = (priority: number) => ({ ...run(priority), cron: '@yearly' });
  const refusal = async (response: Response) => {
    expect(response.status).toBe(400);
    return ((await response.json()) as Problem).errors;
  };

  it('is at most 0 in every request', async () => {
    for (const key of [token, teamKey]) {
      expect(await refusal(await send(key, '/v1/runs', run(1)))).toEqual([
        {
          path: 'priority',
          message: 'must be at most 0 for a key or token that is bound to a user or a team; received 1',
        },
      ]);
      for (const priority of [0, -5]) expect((await send(key, '/v1/runs', run(priority))).status).toBe(202);
      expect(await refusal(await send(key, '/v1/runs/batch', { runs: [run(0), run(100)] }))).toMatchObject([
        { path: 'runs[1].priority' },
      ]);
      expect(await refusal(await send(key, '/v1/schedules', schedule(100)))).toMatchObject([{ path: 'priority' }]);
      const made = (await (await send(key, '/v1/schedules', schedule(0))).json()) as ScheduleResource;
      const changed = await send(key, `/v1/schedules/${made.id}`, { priority: 1 }, { method: 'PATCH' });
      expect(await refusal(changed)).toMatchObject([{ path: 'priority' }]);
      expect((await send(key, `/v1/schedules/${made.id}`, { name: 'mine' }, { method: 'PATCH' })).status).toBe(200);
    }
  });

  it('is not copied from a run or schedule with a higher priority', async () => {
    const { id } = await service.submit({ user: 'ann', priority: 50 });
    await send(token, `/v1/runs/${id}/cancel`, {});
    const again = (await (await send(token, `/v1/runs/${id}/retry`, {})).json()) as RunResource;
    expect(again).toMatchObject({ retryOf: id, priority: 0 });
    const made = await service.post('/v1/schedules', { ...schedule(50), user: 'ann' });
    const { id: scheduleId } = (await made.json()) as ScheduleResource;
    const triggered = (await (await send(token, `/v1/schedules/${scheduleId}/trigger`, {})).json()) as RunResource;
    expect(triggered.priority).toBe(0);
  });

  it('is unlimited for an application’s server and for operators, also in retries', async () => {
    for (const key of [service.plainKey, await service.makeKey({ scopes: ['admin'] })]) {
      expect((await send(key, '/v1/runs', run(100))).status).toBe(202);
    }
    const { id } = await service.submit({ user: 'ann', priority: 50 });
    await send(service.plainKey, `/v1/runs/${id}/cancel`, {});
    const again = (await (await send(service.plainKey, `/v1/runs/${id}/retry`, {})).json()) as RunResource;
    expect(again.priority).toBe(50);
  });

  it('is limited by the configuration', async () => {
    const request = service.startServer({ perUser: { runsPerMinute: false }, maxPriority: 10 });
    expect((await send(token, '/v1/runs', run(10), { request })).status).toBe(202);
    expect((await send(token, '/v1/runs', run(11), { request })).status).toBe(400);
  });
});
