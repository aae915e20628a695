import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../config/config.ts';
import { createApi } from './api.ts';
import { startApi, type TestApi } from './api.fixture.ts';

const HTML = { headers: { accept: 'text/html' } };

describe('the files of the dashboard', () => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi('embedded');
  });
  afterAll(() => service.close());

  const serve = (dashboard: Config['dashboard'], basePath = '/') =>
    createApi({ ...service.deps, basePath, config: { ...service.deps.config, dashboard } });

  it('serve one page at every address below the path, which may load only files of this server', async () => {
    const api = serve({ path: '', signedInMs: 60_000, oidc: null });
    const response = await api.request('/runs/anything', HTML);
    expect(response.status).toBe(200);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self' 'nonce-[\w+/=]+';/);
    expect(policy).not.toContain('unsafe');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const page = await response.text();
    expect(page).not.toMatch(/<script(?![^>]* src=)|https?:|style=/);
    const other = await (await api.request('/', HTML)).text();
    expect(/nonce="(.*?)"/.exec(other)?.[1]).not.toBe(/nonce="(.*?)"/.exec(page)?.[1]);

    const files = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, file]) => file!);
    expect(files.length).toBeGreaterThan(4);
    let bytes = 0;
    for (const file of files) {
      const asset = await api.request(file, { headers: { 'accept-encoding': 'gzip' } });
      expect([file, asset.status]).toEqual([file, 200]);
      expect(asset.headers.get('cache-control')).toContain('immutable');
      const body = Buffer.from(await asset.arrayBuffer());
      if (!file.endsWith('.js')) continue;
      expect(asset.headers.get('content-encoding')).toBe('gzip');
      if (body.length > 1_000) expect(gunzipSync(body).length).toBeGreaterThan(2 * body.length);
      bytes += body.length;
    }
    // The size of the first load, without the code of the page itself.
    expect(bytes).toBeLessThan(260_000);
  });

  it('leave the addresses of the API, and requests that do not ask for HTML, to the API', async () => {
    const api = serve({ path: '', signedInMs: 60_000, oidc: null });
    expect((await api.request('/v1/nothing', HTML)).status).toBe(401);
    expect((await api.request('/runs')).headers.get('content-type')).toContain('application/problem+json');
    expect((await api.request('/assets/none.js')).status).toBe(404);
    expect((await api.request('/assets/..%2fmanifest.json')).status).toBe(404);
    expect((await api.request('/livez', HTML)).headers.get('content-type')).toContain('json');
  });

  it('are served below a configured path, and below the path of an application', async () => {
    const api = serve({ path: '/board', signedInMs: 60_000, oidc: null }, '/ops');
    const page = await (await api.request('/board', HTML)).text();
    expect(page).toContain('data-path="/ops/board" data-api-path="/ops"');
    expect(page).toContain('src="/ops/board/assets/');
    expect((await api.request('/', HTML)).status).toBe(404);
    expect((await api.request('/boarding', HTML)).status).toBe(404);
  });

  it('are missing with dashboard: false, and so is the sign-in route', async () => {
    const api = serve(null);
    expect((await api.request('/', HTML)).status).toBe(404);
    const headers = { authorization: `Bearer ${service.plainKey}`, 'content-type': 'application/json' };
    expect((await api.request('/v1/sign-in/code', { method: 'POST', headers })).status).toBe(404);
    const body = JSON.stringify({ key: service.plainKey });
    expect((await api.request('/v1/sign-in', { method: 'POST', headers, body })).status).toBe(404);
  });
});
