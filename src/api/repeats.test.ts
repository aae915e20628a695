import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { RunResource, TokenResource } from './contract.ts';

describe.each(DATABASE_KINDS)('repeated submissions, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });
  afterAll(() => service.close());

  const submitTo =
    (request: TestApi['request']) =>
    (idempotencyKey: string, { key, ...changes }: { key?: string; user?: string; prompt?: string } = {}) =>
      request('/v1/runs', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': idempotencyKey },
        body: JSON.stringify({ agent: 'reader', prompt: 'hello', ...changes }),
        ...(key !== undefined && { key }),
      });
  const idOf = async (response: Response) => {
    expect(response.status).toBe(202);
    return ((await response.json()) as RunResource).id;
  };

  it('do not count against the rate limits, even when both arrive at once', async () => {
    const submit = submitTo(service.startServer({ perUser: { runsPerMinute: 2 } }));
    const first = await Promise.all(Array.from({ length: 6 }, () => submit('first', { user: 'ann' })));
    const ids = await Promise.all(first.map(idOf));
    expect(new Set(ids).size).toBe(1);
    for (let count = 0; count < 5; count++) expect(await idOf(await submit('first', { user: 'ann' }))).toBe(ids[0]);
    expect((await submit('second', { user: 'ann' })).status).toBe(202);
    expect((await submit('third', { user: 'ann' })).status).toBe(429);
    expect(await idOf(await submit('first', { user: 'ann' }))).toBe(ids[0]);
    expect((await submit('first', { user: 'ann', prompt: 'other' })).status).toBe(422);
  });

  it('are recognized per key, and per user of a token', async () => {
    const submit = submitTo(service.request);
    const tokenOf = async (user: string) => {
      const issued = await service.post('/v1/tokens', { user }, { authorization: `Bearer ${service.plainKey}` });
      return ((await issued.json()) as TokenResource).token;
    };
    const [ann, again, bob] = [await tokenOf('ann'), await tokenOf('ann'), await tokenOf('bob')];
    const anns = await idOf(await submit('same', { key: ann }));
    expect(await idOf(await submit('same', { key: again }))).toBe(anns);
    const others = [
      await idOf(await submit('same', { key: bob })),
      await idOf(await submit('same', { key: service.plainKey, user: 'ann' })),
      await idOf(await submit('same', { user: 'ann' })),
    ];
    expect(new Set([anns, ...others]).size).toBe(4);
  });
});
