import { SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { KeyResource, Problem, TokenResource } from './contract.ts';

describe.each(DATABASE_KINDS)('tokens over HTTP, on the %s database', (kind) => {
  let service: TestApi;
  let request: TestApi['request'];

  beforeAll(async () => {
    service = await startApi(kind);
    ({ request } = service);
  });
  afterAll(() => service.close());

  const ask = (body: object, key?: string) =>
    request('/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(key !== undefined && { key }),
    });
  const issue = async (body: object, key?: string) => {
    const response = await ask(body, key);
    expect(response.status).toBe(201);
    return (await response.json()) as TokenResource;
  };
  const read = (token: string) => request('/v1/runs', { key: token });
  const refusal = async (token: string) => {
    const response = await read(token);
    const { code, detail } = (await response.json()) as Problem;
    return [response.status, code, detail];
  };

  it('are valid for a quarter of an hour, or for the requested time, up to a day', async () => {
    const { expiresAt } = await issue({ user: 'ann' });
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(890_000);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(900_000);
    const day = await issue({ user: 'ann', expiresInSeconds: 86_400 });
    expect(Date.parse(day.expiresAt) - Date.now()).toBeGreaterThan(86_300_000);
    for (const [body, path] of [
      [{ user: 'ann', expiresInSeconds: 86_401 }, 'expiresInSeconds'],
      [{ user: 'ann', expiresInSeconds: 0 }, 'expiresInSeconds'],
      [{ user: '' }, 'user'],
      [{}, 'user'],
      [{ user: 'ann', scopes: ['admin'] }, 'scopes.0'],
      [{ user: 'ann', scopes: [] }, 'scopes'],
      [{ user: 'ann', role: 'x' }, 'role'],
    ] as const) {
      const response = await ask(body);
      expect(response.status).toBe(400);
      expect(((await response.json()) as Problem).errors?.map((error) => error.path)).toEqual([path]);
    }
  });

  it('have the scopes of their key, or fewer, and never admin', async () => {
    const reader = await service.makeKey({ scopes: ['runs:read'] });
    const { token } = await issue({ user: 'ann' }, reader);
    expect((await read(token)).status).toBe(200);
    const submitted = await service.post(
      '/v1/runs',
      { agent: 'reader', prompt: 'x' },
      { authorization: `Bearer ${token}` },
    );
    expect(submitted.status).toBe(403);
    expect(((await submitted.json()) as Problem).detail).toContain('runs:write');
    const wider = await ask({ user: 'ann', scopes: ['runs:write'] }, reader);
    expect(wider.status).toBe(403);
    expect(((await wider.json()) as Problem).detail).toContain('runs:write');
    const fromAdmin = await issue({ user: 'ann' });
    for (const path of ['/v1/keys', '/v1/audit', '/v1/workers', '/v1/alerts']) {
      expect((await request(path, { key: fromAdmin.token })).status).toBe(403);
    }
  });

  it('cannot issue tokens, and are bound at least as closely as their key', async () => {
    const { token } = await issue({ user: 'ann' });
    expect((await ask({ user: 'ann' }, token)).status).toBe(403);
    const bound = await service.makeKey({ user: 'ann', team: 'ops' });
    expect((await ask({ user: 'bob' }, bound)).status).toBe(403);
    expect((await ask({ user: 'ann', team: 'dev' }, bound)).status).toBe(403);
    const own = await issue({ user: 'ann' }, bound);
    const ran = await service.post(
      '/v1/runs',
      { agent: 'reader', prompt: 'x' },
      { authorization: `Bearer ${own.token}` },
    );
    expect(await ran.json()).toMatchObject({ user: 'ann', team: 'ops' });
  });

  it('are rejected, with the reason, when they are invalid', async () => {
    const { token } = await issue({ user: 'ann' });
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

    const unsigned = new UnsecuredJWT(claims).encode();
    expect(await refusal(unsigned)).toEqual([401, 'unauthorized', expect.stringContaining('HS256')]);
    expect(await refusal(`${encode({ alg: 'none' })}.${payload}.${signature}`)).toEqual([
      401,
      'unauthorized',
      expect.stringContaining('HS256'),
    ]);
    const otherSecret = new Uint8Array(32).fill(7);
    const sign = (alg: string, secret = otherSecret) => new SignJWT(claims).setProtectedHeader({ alg }).sign(secret);
    expect(await refusal(await sign('HS512', new Uint8Array(64)))).toEqual([
      401,
      'unauthorized',
      expect.stringContaining('HS256'),
    ]);
    expect(await refusal(await sign('HS256'))).toEqual([
      401,
      'unauthorized',
      expect.stringContaining('another secret'),
    ]);
    const changed = `${header}.${encode({ ...claims, sub: 'bob' })}.${signature}`;
    expect(await refusal(changed)).toEqual([401, 'unauthorized', expect.stringContaining('changed')]);
    expect(await refusal('a.b.c')).toEqual([401, 'unauthorized', expect.stringContaining('neither')]);
    expect(await refusal(signature)).toEqual([401, 'unauthorized', expect.stringContaining('neither')]);
  });

  it('expire, with a separate code', async () => {
    const { token, expiresAt } = await issue({ user: 'ann', expiresInSeconds: 1 });
    expect((await read(token)).status).toBe(200);
    await expect.poll(async () => (await read(token)).status, { timeout: 5_000 }).toBe(401);
    expect(await refusal(token)).toEqual([401, 'token_expired', expect.stringContaining(expiresAt)]);
    expect((await read(token)).headers.get('www-authenticate')).toContain('Bearer');
  });

  it('end with their key', async () => {
    const key = await service.makeKey();
    const { token } = await issue({ user: 'ann' }, key);
    expect((await read(token)).status).toBe(200);
    const { data } = (await (await request('/v1/keys')).json()) as { data: KeyResource[] };
    const revoked = await request(`/v1/keys/${data[0]!.id}`, { method: 'DELETE' });
    expect(revoked.status).toBe(200);
    await expect.poll(async () => (await read(token)).status).toBe(401);
    expect(await refusal(token)).toEqual([401, 'unauthorized', expect.stringContaining('revoked')]);
  });

  it('may be sent in the URL of a stream, unlike a key', async () => {
    const run = await service.submit({ user: 'ann' });
    await request(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
    const { token } = await issue({ user: 'ann' });
    const path = `/v1/runs/${run.id}/events`;
    const follow = (query: string, accept = 'text/event-stream') =>
      service.api.request(`${path}?token=${query}`, { headers: { accept } });
    const stream = await follow(token);
    expect(stream.status).toBe(200);
    expect(await stream.text()).toContain('run.cancelled');
    expect((await follow(service.plainKey)).status).toBe(401);
    expect((await follow(token, 'application/json')).status).toBe(401);
    const elsewhere = [`/v1/runs/${run.id}`, '/v1/agents', '/v1/runs', '/v1/nothing', '/v1/webhooks'];
    for (const other of elsewhere) {
      for (const headers of [{}, { accept: 'text/event-stream' }, { upgrade: 'websocket', connection: 'upgrade' }]) {
        expect((await service.api.request(`${other}?token=${token}`, { headers })).status).toBe(401);
      }
    }
  });

  it('may be sent in the URL of every route that streams', async () => {
    const { token } = await issue({ user: 'ann' });
    const { paths } = (await (await request('/openapi.json')).json()) as {
      paths: Record<string, { get?: { responses: Record<string, { content?: object }> } }>;
    };
    const streams = Object.entries(paths).filter(
      ([, { get }]) =>
        get?.responses['200']?.content !== undefined && 'text/event-stream' in get.responses['200'].content,
    );
    expect(streams.length).toBeGreaterThanOrEqual(2);
    for (const [path] of streams) {
      const stop = new AbortController();
      const response = await service.api.request(`${path.replace('{id}', 'none')}?token=${token}`, {
        headers: { accept: 'text/event-stream' },
        signal: stop.signal,
      });
      expect(response.status).not.toBe(401);
      await response.body?.cancel();
      stop.abort();
    }
  });
});
