import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { revokeKey } from '../access/keys.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import { createApi } from './api.ts';
import type { KeyResource, Problem, SignedInResource, SignInCodeResource, TokenResource } from './contract.ts';

const MARK = { 'x-longhaul-dashboard': '1' };

describe.each(DATABASE_KINDS)('signing in to the dashboard, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });
  afterAll(() => service.close());

  /** Sends a request as a browser does, without a key. */
  function ask(path: string, { cookie, ...options }: RequestInit & { cookie?: string } = {}) {
    return service.api.request(path, {
      ...options,
      headers: { ...(cookie !== undefined && { cookie }), ...(options.headers as Record<string, string>) },
    });
  }

  const signIn = (body: object, headers: Record<string, string> = {}, base = 'http://127.0.0.1:4400') =>
    ask(`${base}/v1/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });

  /** Signs in with a key and returns the cookie. */
  async function signedIn(key: string): Promise<string> {
    const response = await signIn({ key });
    expect(response.status).toBe(200);
    return response.headers.get('set-cookie')!.split(';')[0]!;
  }

  const at = (path: string) => `http://127.0.0.1:4400${path}`;

  it('exchanges a key for a cookie that no script can read and no other page can send', async () => {
    const response = await signIn({ key: service.plainKey });
    expect(await response.json()).toMatchObject({
      name: 'application',
      scopes: ['runs:read', 'runs:write', 'approvals'],
      user: null,
      team: null,
    } satisfies Partial<SignedInResource>);
    const cookie = response.headers.get('set-cookie')!;
    expect(cookie).toMatch(
      /^longhaul_sign_in_4400=[\w-]{43}; Path=\/; Expires=\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT; HttpOnly; SameSite=Strict$/,
    );
    expect(cookie).not.toContain(service.plainKey);
    const { rows } = await sql<{ hash: string }>`select hash from longhaul.sign_ins`.execute(service.database.sql);
    expect(rows.map(({ hash }) => hash)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
  });

  it('restricts the cookie to TLS when it was set over TLS', async () => {
    const { plainKey: key } = service;
    expect((await signIn({ key }, {}, 'https://longhaul.example')).headers.get('set-cookie')).toMatch(/; Secure/);
    const behindProxy = await signIn({ key }, { 'x-forwarded-proto': 'https' });
    expect(behindProxy.headers.get('set-cookie')).toMatch(/; Secure/);
  });

  it('lets a signed-in user do what the key may do, and no more', async () => {
    const cookie = await signedIn(service.plainKey);
    expect((await ask(at('/v1/runs'), { cookie })).status).toBe(200);
    expect((await ask(at('/v1/keys'), { cookie })).status).toBe(403);
    const submitted = await ask(at('/v1/runs'), {
      cookie,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...MARK },
      body: JSON.stringify({ agent: 'reader', prompt: 'from the dashboard' }),
    });
    expect(submitted.status).toBe(202);
    expect(await (await ask(at('/v1/sign-in'), { cookie })).json()).toMatchObject({ name: 'application' });
  });

  it('rejects changes by a request that another page may have sent', async () => {
    const cookie = await signedIn(service.plainKey);
    const cancel = (headers: Record<string, string>) =>
      ask(at('/v1/runs/cancel'), {
        cookie,
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"q":"nothing at all"}',
      });
    expect((await cancel({})).status).toBe(403);
    expect((await cancel({ ...MARK, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect((await cancel({ ...MARK, 'sec-fetch-site': 'same-site' })).status).toBe(403);
    expect((await cancel({ ...MARK, 'sec-fetch-site': 'same-origin' })).status).toBe(202);
    expect((await ask(at('/v1/runs'), { cookie, headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
    // The browser opens a download as an address, without the header.
    expect((await ask(at('/v1/runs/export'), { cookie, headers: { 'sec-fetch-site': 'none' } })).status).toBe(200);
    const socket = { upgrade: 'websocket', connection: 'upgrade', 'sec-fetch-site': 'same-origin' };
    expect((await ask(at('/v1/stream'), { cookie, headers: socket })).status).toBe(403);
    const foreign = await signIn({ key: service.plainKey }, { 'sec-fetch-site': 'cross-site' });
    expect([foreign.status, foreign.headers.get('set-cookie')]).toEqual([403, null]);
  });

  it('uses the key of a request that has a key and a cookie', async () => {
    const cookie = await signedIn(service.plainKey);
    expect((await service.request('/v1/keys', { headers: { cookie } })).status).toBe(200);
    expect((await service.request('/v1/keys', { key: 'lh_wrong', headers: { cookie } })).status).toBe(401);
  });

  it('ends when its key is revoked, at the sign-out, and when it expires', async () => {
    const key = await service.makeKey();
    const [first, second] = [await signedIn(key), await signedIn(key)];
    const status = async (cookie: string) => (await ask(at('/v1/runs'), { cookie })).status;
    const out = await ask(at('/v1/sign-in'), { cookie: first, method: 'DELETE', headers: MARK });
    expect(out.headers.get('set-cookie')).toMatch(/^longhaul_sign_in_4400=; Max-Age=0; Path=\/; HttpOnly/);
    expect([await status(first), await status(second)]).toEqual([401, 200]);

    const { keyId } = (await (await ask(at('/v1/sign-in'), { cookie: second })).json()) as SignedInResource;
    await revokeKey(service.database, { id: keyId, actor: 'system' });
    // The server is notified by the database.
    await expect.poll(() => status(second)).toBe(401);
    const refused = await ask(at('/v1/runs'), { cookie: second });
    expect([refused.status, ((await refused.json()) as Problem).detail]).toEqual([
      401,
      'You are no longer signed in: sign in again with an API key.',
    ]);

    const third = await signedIn(service.plainKey);
    await sql`update longhaul.sign_ins set expires_at = now() - interval '1 second'`.execute(service.database.sql);
    expect(await status(third)).toBe(401);
    // The next sign-in deletes expired ones.
    await signedIn(service.plainKey);
    const { rows } = await sql`select from longhaul.sign_ins`.execute(service.database.sql);
    expect(rows).toHaveLength(1);
  });

  it('issues no token that outlasts it', async () => {
    const cookie = await signedIn(service.plainKey);
    await sql`update longhaul.sign_ins set expires_at = now() + interval '1 minute'`.execute(service.database.sql);
    const issued = await ask(at('/v1/tokens'), {
      cookie,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...MARK },
      body: JSON.stringify({ user: 'ann', expiresInSeconds: 86_400 }),
    });
    expect(issued.status).toBe(201);
    const { expiresAt } = (await issued.json()) as TokenResource;
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
  });

  it('records sign-ins and sign-outs in the audit record, without secrets', async () => {
    const cookie = await signedIn(service.plainKey);
    await ask(at('/v1/sign-in'), { cookie, method: 'DELETE', headers: MARK });
    const response = await service.request('/v1/audit?limit=2');
    const text = await response.text();
    expect(text).toContain('"dashboard.signed_in"');
    expect(text).toContain('"dashboard.signed_out"');
    expect(text).not.toContain(cookie.split('=')[1]);
  });

  it('signs in with a code once, as the key that created it', async () => {
    const made = await service.request('/v1/sign-in/code', { method: 'POST', key: service.plainKey });
    expect(made.status).toBe(201);
    const { code, expiresAt } = (await made.json()) as SignInCodeResource;
    const lastsMs = Date.parse(expiresAt) - Date.now();
    expect([lastsMs > 590_000, lastsMs <= 601_000]).toEqual([true, true]);
    const answers = await Promise.all([signIn({ code }), signIn({ code })]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401]);
    expect((await signIn({ code })).status).toBe(401);
  });

  it('rejects an expired code, and the code of a revoked key', async () => {
    const make = async (key: string) =>
      ((await (await service.request('/v1/sign-in/code', { method: 'POST', key })).json()) as SignInCodeResource).code;
    const old = await make(service.plainKey);
    await sql`update longhaul.sign_in_codes set expires_at = now()`.execute(service.database.sql);
    expect((await signIn({ code: old })).status).toBe(401);
    const key = await service.makeKey();
    const code = await make(key);
    const { data } = (await (await service.request('/v1/keys')).json()) as { data: KeyResource[] };
    await revokeKey(service.database, { id: data[0]!.id, actor: 'system' });
    expect((await signIn({ code })).status).toBe(401);
  });

  it('rejects texts that are not keys, and tokens', async () => {
    const issued = await service.post('/v1/tokens', { user: 'ann' });
    const { token } = (await issued.json()) as { token: string };
    for (const key of ['x', 'lh_wrong']) expect((await signIn({ key })).status, key).toBe(401);
    expect((await signIn({ key: token })).status).toBe(400);
    expect((await service.request('/v1/sign-in/code', { method: 'POST', key: token })).status).toBe(403);
    for (const body of [{}, { key: 'lh_a', code: 'b' }, { key: 7 }, { name: 'x' }]) {
      expect((await signIn(body)).status, JSON.stringify(body)).toBe(400);
    }
    expect((await signIn({ key: 'x'.repeat(5_000) })).status).toBe(413);
  });

  it('is missing when the dashboard is turned off', async () => {
    const api = createApi({ ...service.deps, config: { ...service.rules, dashboard: null } });
    const response = await api.request('/v1/sign-in', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ key: service.plainKey }),
    });
    expect(response.status).toBe(404);
    expect((await api.request('/', { headers: { accept: 'text/html' } })).status).toBe(404);
  });
});
