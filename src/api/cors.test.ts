import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveConfig } from '../config/resolve.ts';
import { createApi } from './api.ts';
import type { Api } from './api-deps.ts';
import { startApi, type TestApi } from './api.fixture.ts';

const PAGE = 'https://app.example.com';

describe('pages of other origins', () => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi('embedded');
  });
  afterAll(() => service.close());

  const startServer = (corsOrigins: string[]): Api => {
    const input = { agents: { reader: { tools: [] } }, http: { corsOrigins } };
    return createApi({ ...service.deps, config: resolveConfig({ input, baseDir: '/', env: {} }) });
  };
  const preflight = (server: Api, origin: string) =>
    server.request('/v1/runs', {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,idempotency-key',
      },
    });

  it('may call the API when the configuration names them, after a preflight request without a key', async () => {
    const server = startServer([PAGE, 'http://127.0.0.1:5173']);
    const asked = await preflight(server, PAGE);
    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(asked.headers.get('access-control-allow-methods')).toContain('DELETE');
    expect(asked.headers.get('access-control-allow-headers')).toBe(
      'Authorization,Content-Type,Idempotency-Key,Last-Event-ID',
    );
    expect(asked.headers.get('vary')).toContain('Origin');
    const answers = [
      await server.request('/v1/agents', { headers: { origin: PAGE, authorization: `Bearer ${service.plainKey}` } }),
      await server.request('/v1/agents', { headers: { origin: PAGE } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 401]);
    for (const { headers } of answers) {
      expect(headers.get('access-control-allow-origin')).toBe(PAGE);
      expect(headers.get('access-control-expose-headers')).toBe('Location,RateLimit,RateLimit-Policy,Retry-After');
      expect(headers.get('vary')).toContain('Origin');
    }
    const other = await preflight(server, 'https://evil.example.com');
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    const run = await service.submit();
    await service.post(`/v1/runs/${run.id}/cancel`, {});
    const stream = await server.request(`/v1/runs/${run.id}/events`, {
      headers: { origin: PAGE, accept: 'text/event-stream', authorization: `Bearer ${service.plainKey}` },
    });
    expect(stream.headers.get('access-control-allow-origin')).toBe(PAGE);
    await stream.text();
  });

  it('are rejected by default, and all accepted with a star', async () => {
    const none = await preflight(service.api, PAGE);
    expect(none.headers.get('access-control-allow-origin')).toBeNull();
    const any = await preflight(startServer(['*']), PAGE);
    expect(any.headers.get('access-control-allow-origin')).toBe('*');
  });

  it.each([
    'app.example.com',
    'https://app.example.com/',
    'https://APP.example.com',
    'https://a.com:443',
    'file:///x',
    '',
  ])('cannot be configured as %j', (origin) => {
    expect(() => startServer([origin])).toThrow(/must be an origin/);
  });

  it('cannot render a response as a page or cache it', async () => {
    for (const path of ['/v1/agents', '/v1/nothing', '/livez', '/openapi.json']) {
      const { headers } = await service.request(path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });
});
