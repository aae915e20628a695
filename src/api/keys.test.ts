import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { generateKey } from '../access/keys.ts';
import { createId } from '../core/ids.ts';
import { createLog } from '../core/log.ts';
import { createApi } from './api.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { CreatedKeyResource, KeyResource, Problem, RunResource } from './contract.ts';
import { ROUTES } from './routes.ts';

describe.each(DATABASE_KINDS)('keys over HTTP, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });

  afterAll(() => service.close());

  it('are required for every /v1 route', async () => {
    const response = await service.api.request('/v1/runs');
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
    for (const key of ['wrong', 'lh_wrong', generateKey()]) {
      expect((await service.request('/v1/runs', { key })).status).toBe(401);
    }
    expect((await service.request('/v1/nothing', { key: 'wrong' })).status).toBe(401);
    expect((await service.request('/v1/runs', { key: 'wrong', method: 'DELETE' })).status).toBe(401);
    expect((await service.api.request('/livez')).status).toBe(200);
    expect((await service.api.request('/readyz')).status).toBe(200);
  });

  it('are accepted in one form only', async () => {
    const as = async (authorization: string) =>
      (await service.request('/v1/runs', { headers: { authorization } })).status;
    const { plainKey } = service;
    expect(await as(`bearer  ${plainKey}`)).toBe(200);
    for (const wrong of [`Bearer ${plainKey} extra`, `Bearer ${plainKey},`, `Bearer${plainKey}`, `Basic ${plainKey}`]) {
      expect(await as(wrong)).toBe(401);
    }
  });

  it('decide whether an error shows its actual cause, for operators, or only the safe message', async () => {
    const run = await service.submit();
    await service.finish(await service.claim(), 'connect ECONNREFUSED 10.0.0.7');
    const path = `/v1/runs/${run.id}`;
    expect(await (await service.request(path)).json()).toMatchObject({
      error: { code: 'provider_auth', detail: 'connect ECONNREFUSED 10.0.0.7' },
      attempts: [{ number: 1, outcome: 'failed' }],
    });
    const seen = (await (await service.request(path, { key: service.plainKey })).json()) as RunResource;
    expect(seen.error).toEqual({
      code: 'provider_auth',
      message: 'The service could not sign in to the model provider.',
      retryable: false,
    });
    expect(JSON.stringify(seen)).not.toContain('ECONNREFUSED');
    expect(seen.attempts).toBeUndefined();
  });

  it('are created, listed and revoked by operators, and shown once', async () => {
    const made = await service.post('/v1/keys', { name: 'shop', user: 'ann', scopes: ['runs:read', 'runs:read'] });
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    const { key, ...created } = (await made.json()) as CreatedKeyResource;
    expect(created).toMatchObject({ name: 'shop', scopes: ['runs:read'], user: 'ann', team: null, revokedAt: null });
    expect(key).toMatch(/^lh_[\w-]{43}$/);
    expect((await service.request('/v1/runs', { key })).status).toBe(200);
    const list = async (query = '') =>
      (await (await service.request(`/v1/keys${query}`)).json()) as { data: KeyResource[]; nextCursor: string | null };
    const { data } = await list();
    expect(JSON.stringify(data)).not.toContain('lh_');
    expect(data.map(({ name }) => name)).toEqual(['shop', 'application', 'admin']);
    const { nextCursor } = await list('?limit=2');
    expect((await list(`?limit=2&cursor=${nextCursor}`)).data.map(({ name }) => name)).toEqual(['admin']);
    const revoke = (id: string) => service.request(`/v1/keys/${id}`, { method: 'DELETE' });
    const first = (await (await revoke(created.id)).json()) as KeyResource;
    expect(first).toMatchObject({ id: created.id, revokedAt: expect.any(String) as string });
    await expect.poll(async () => (await service.request('/v1/runs', { key })).status).toBe(401);
    expect(await (await revoke(created.id)).json()).toMatchObject({ revokedAt: first.revokedAt });
    expect((await revoke(createId())).status).toBe(404);
    const last = await revoke(data.find(({ name }) => name === 'admin')!.id);
    expect(last.status).toBe(409);
    expect(await last.json()).toMatchObject({ detail: expect.stringContaining('last admin key') as string });
    const { rows } = await sql<{ action: string; actor: string }>`
      select action, actor from longhaul.audit where subject = ${created.id} order by id`.execute(service.database.sql);
    expect(rows).toMatchObject([
      { action: 'key.created', actor: expect.stringContaining('key:') as string },
      { action: 'key.revoked', actor: expect.stringContaining('key:') as string },
    ]);
  });

  it('are rejected when their fields are invalid', async () => {
    for (const [body, path] of [
      [{}, 'name'],
      [{ name: '' }, 'name'],
      [{ name: 'x', scopes: [] }, 'scopes'],
      [{ name: 'x', scopes: ['runs'] }, 'scopes.0'],
      [{ name: 'x', scopes: ['admin'], user: 'ann' }, 'user'],
      [{ name: 'x', scopes: ['admin'], team: 'ops' }, 'team'],
      [{ name: 'x', owner: 'y' }, 'owner'],
    ] as const) {
      const response = await service.post('/v1/keys', body);
      expect(response.status).toBe(400);
      expect(((await response.json()) as Problem).errors?.map((error) => error.path)).toEqual([path]);
    }
  });

  it('reach only the routes of their scopes, and an error names the missing scope', async () => {
    const [reader, writer, approver] = await Promise.all(
      (['runs:read', 'runs:write', 'approvals'] as const).map((scope) => service.makeKey({ scopes: [scope] })),
    );
    const run = `/v1/runs/${(await service.submit()).id}`;
    for (const [key, path, method, missing] of [
      [reader, `${run}/cancel`, 'POST', 'runs:write'],
      [reader, `${run}/retry`, 'POST', 'runs:write'],
      [reader, '/v1/keys', 'GET', 'admin'],
      [reader, '/v1/workers', 'GET', 'admin'],
      [reader, '/v1/queues/reader/pause', 'POST', 'admin'],
      [reader, '/v1/queues', 'GET', null],
      [reader, '/v1/agents', 'GET', null],
      [writer, run, 'GET', 'runs:read'],
      [writer, run, 'HEAD', 'runs:read'],
      [writer, '/v1/runs', 'GET', 'runs:read'],
      [writer, `${run}/events`, 'GET', 'runs:read'],
      [writer, '/v1/queues', 'GET', 'runs:read'],
      [writer, `${run}/cancel`, 'POST', null],
      [approver, run, 'GET', 'runs:read'],
      [service.plainKey, '/v1/costs', 'GET', 'admin'],
      [service.plainKey, '/v1/audit', 'GET', 'admin'],
      [service.plainKey, '/v1/alerts', 'GET', 'admin'],
    ] as const) {
      const response = await service.request(path, { key: key!, method });
      if (missing === null) {
        expect(response.ok).toBe(true);
      } else {
        expect(response.status).toBe(403);
        if (method !== 'HEAD') expect(((await response.json()) as Problem).detail).toContain(missing);
      }
    }
  });

  it('have a rule for every route, and only the declared routes need no credential', async () => {
    const declared = new Map(ROUTES.map((route) => [`${route.method} ${route.pattern}`, route.access]));
    const added = service.api.routes.filter(({ method, path }) => method !== 'ALL' && path.startsWith('/v1/'));
    expect(added.length).toBeGreaterThan(50);
    for (const { method, path } of added) {
      const route = `${method} ${path}`;
      expect([...declared.keys()]).toContain(route);
      const response = await service.api.request(path.replaceAll(/:\w+/g, createId()), { method });
      expect(response.status === 401, route).toBe(declared.get(route) !== 'everyone');
    }
  });

  it('cannot use a route that is not declared, because nothing says who may', async () => {
    const api = createApi({ ...service.deps, log: createLog('silent') });
    api.get('/v1/forgotten', (context) => context.text('open'));
    const response = await api.request('/v1/forgotten', { headers: { authorization: `Bearer ${service.plainKey}` } });
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain('open');
  });
});
