import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { BudgetResource, CostsResource, Problem, RunResource, SkippedRun, TokenResource } from './contract.ts';

describe.each(DATABASE_KINDS)('the visibility of runs, on the %s database', (kind) => {
  let service: TestApi;
  /** Callers by name: keys and tokens. */
  const callers: Record<string, string> = {};
  let anns: RunResource;
  let bobs: RunResource;
  let nobodys: RunResource;

  beforeAll(async () => {
    service = await startApi(kind);
    callers['annKey'] = await service.makeKey({ user: 'ann' });
    callers['opsKey'] = await service.makeKey({ team: 'ops' });
    callers['application'] = service.plainKey;
    const issued = await service.post('/v1/tokens', { user: 'ann' }, { authorization: `Bearer ${service.plainKey}` });
    callers['annToken'] = ((await issued.json()) as TokenResource).token;
    anns = await service.submit({ user: 'ann', team: 'ops' });
    bobs = await service.submit({ user: 'bob', team: 'dev' });
    nobodys = await service.submit();
  });
  afterAll(() => service.close());

  const as = (caller: string, path: string, { method = 'GET', body }: { method?: string; body?: object } = {}) =>
    service.request(path, {
      method,
      key: callers[caller]!,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
  const listed = async (caller: string, query = '') => {
    const { data } = (await (await as(caller, `/v1/runs${query}`)).json()) as { data: RunResource[] };
    return data.map(({ id }) => id);
  };

  it.each(['annKey', 'annToken', 'opsKey'])('covers only its own runs for %s', async (caller) => {
    expect(await listed(caller)).toContain(anns.id);
    expect(await listed(caller, '?user=bob')).toEqual([]);
    for (const other of [bobs, nobodys]) {
      expect(await listed(caller)).not.toContain(other.id);
      for (const [path, method] of [
        [`/v1/runs/${other.id}`, 'GET'],
        [`/v1/runs/${other.id}?wait=1`, 'GET'],
        [`/v1/runs/${other.id}/events`, 'GET'],
        [`/v1/runs/${other.id}/cancel`, 'POST'],
        [`/v1/runs/${other.id}/retry`, 'POST'],
      ] as const) {
        const response = await as(caller, path, { method });
        expect(response.status).toBe(404);
        expect(await response.json()).toMatchObject({ code: 'run_not_found', detail: `There is no run ${other.id}.` });
      }
    }
    expect((await as(caller, `/v1/runs/${anns.id}`)).status).toBe(200);
    expect((await as(caller, `/v1/runs/${anns.id}/events`)).status).toBe(200);
  });

  it('covers every run for an application’s server', async () => {
    expect(await listed('application')).toEqual(expect.arrayContaining([anns.id, bobs.id, nobodys.id]));
    expect((await as('application', `/v1/runs/${bobs.id}`)).status).toBe(200);
  });

  it('limits retries to visible runs, by id or by selection', async () => {
    for (const { id } of [anns, bobs]) await service.post(`/v1/runs/${id}/cancel`, {});
    const retry = async (body: object) => {
      const response = await as('annToken', '/v1/runs/retry', { method: 'POST', body });
      return (await response.json()) as { data: RunResource[]; skipped: SkippedRun[] };
    };
    const { data, skipped } = await retry({ ids: [anns.id, bobs.id] });
    expect(data.map(({ retryOf }) => retryOf)).toEqual([anns.id]);
    expect(skipped).toMatchObject([{ id: bobs.id, code: 'run_not_found' }]);
    expect((await as('annToken', `/v1/runs/${data[0]!.id}/cancel`, { method: 'POST' })).status).toBe(202);
  });

  it('sets the user and team of a submission, which may name no other', async () => {
    const submit = (caller: string, changes: object) =>
      as(caller, '/v1/runs', { method: 'POST', body: { agent: 'reader', prompt: 'hello', ...changes } });
    expect(await (await submit('annToken', {})).json()).toMatchObject({ user: 'ann', team: null });
    expect(await (await submit('annKey', { user: 'ann' })).json()).toMatchObject({ user: 'ann' });
    expect(await (await submit('opsKey', { user: 'bob' })).json()).toMatchObject({ user: 'bob', team: 'ops' });
    for (const [caller, named, path] of [
      ['annToken', { user: 'bob' }, 'user'],
      ['annKey', { user: 'bob' }, 'user'],
      ['opsKey', { team: 'dev' }, 'team'],
      // A browser may not choose whose budget pays.
      ['annToken', { team: 'dev' }, 'team'],
    ] as const) {
      const refused = await submit(caller, named);
      expect(refused.status).toBe(403);
      expect(((await refused.json()) as Problem).errors).toMatchObject([{ path }]);
    }
  });

  it('covers the caller’s own budget and costs, but neither for an application’s server', async () => {
    await service.request('/v1/budgets', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ scope: 'global', usdPerDay: 100 }),
    });
    const run = await service.submit({ user: 'ann', team: 'ops', priority: 100 });
    await service.submit({ user: 'bob', team: 'dev' });
    const claimed = await service.claim();
    expect(claimed.run.id).toBe(run.id);
    await service.finish(claimed);
    const budgets = async (caller: string) =>
      ((await (await as(caller, '/v1/budgets')).json()) as { data: BudgetResource[] }).data;
    for (const [caller, scope, key] of [
      ['annToken', 'user', 'ann'],
      ['opsKey', 'team', 'ops'],
    ] as const) {
      const own = await budgets(caller);
      expect(own).toHaveLength(2);
      for (const budget of own) expect(budget).toMatchObject({ scope, key });
    }
    const costs = async (caller: string, groupBy: string) =>
      (await (await as(caller, `/v1/costs?groupBy=${groupBy}`)).json()) as CostsResource;
    for (const groupBy of ['day', 'user', 'agent', 'model']) {
      expect(await costs('annToken', groupBy)).toMatchObject({ totals: { costUsd: 0.0015, attempts: 1 } });
    }
    expect((await costs('opsKey', 'team')).data.map(({ key }) => key)).toEqual(['ops']);
    callers['carl'] = await service.makeKey({ user: 'carl' });
    expect(await costs('carl', 'user')).toMatchObject({ data: [], totals: { costUsd: 0 }, forecast: { dayUsd: null } });
    for (const path of ['/v1/budgets', '/v1/costs']) {
      const refused = await as('application', path);
      expect(refused.status).toBe(403);
      expect(((await refused.json()) as Problem).detail).toContain('admin');
    }
  });
});
