import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { RunResource } from './contract.ts';
import { generateKey } from './keys.ts';

describe.each(DATABASE_KINDS)('keys over HTTP, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });

  afterAll(() => service.close());

  it('answers no /v1 route without a key that works', async () => {
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

  it('takes a key in one form alone', async () => {
    const as = async (authorization: string) =>
      (await service.request('/v1/runs', { headers: { authorization } })).status;
    const { plainKey } = service;
    expect(await as(`bearer  ${plainKey}`)).toBe(200);
    for (const wrong of [`Bearer ${plainKey} extra`, `Bearer ${plainKey},`, `Bearer${plainKey}`, `Basic ${plainKey}`]) {
      expect(await as(wrong)).toBe(401);
    }
  });

  it('tells operators what really went wrong, and others only the safe words', async () => {
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
});
