import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createId } from '../core/ids.ts';
import { startApi, type TestApi } from './api.fixture.ts';

describe('an existing path', () => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi('embedded');
  });

  afterAll(() => service.close());

  it.each([
    ['DELETE', '/v1/runs', 'POST, GET, HEAD'],
    ['OPTIONS', '/v1/runs', 'POST, GET, HEAD'],
    ['PUT', `/v1/runs/${createId()}`, 'GET, HEAD'],
    ['POST', `/v1/runs/${createId()}/events`, 'GET, HEAD'],
    ['GET', `/v1/runs/${createId()}/cancel`, 'POST'],
    ['HEAD', '/v1/queues/reader/pause', 'POST'],
    ['POST', '/livez', 'GET, HEAD'],
    ['PROPFIND', '/openapi.json', 'GET, HEAD'],
  ])('responds to %s %s with 405 and the allowed methods', async (method, path, allow) => {
    const response = await service.request(path, { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe(allow);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    if (method !== 'HEAD') expect(await response.json()).toMatchObject({ code: 'method_not_allowed', status: 405 });
  });

  it('responds to HEAD like GET, without the body', async () => {
    const response = await service.request('/v1/runs', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });
});
