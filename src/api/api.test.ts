import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createId } from '../core/ids.ts';
import { CHANNELS } from '../db/database.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { RunResource } from './contract.ts';

describe.each(DATABASE_KINDS)('the HTTP API, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });

  afterAll(() => service.close());

  it.each([
    ['/v1/runs/not-an-id', 400, 'invalid_request'],
    ['/v1/runs/7b1fd9a2-5f0c-4b2e-9d55-1f2f4e6f8a10', 404, 'run_not_found'],
    [`/v1/runs/${createId()}`, 404, 'run_not_found'],
    [`/v1/runs/${createId()}/events`, 404, 'run_not_found'],
    ['/v1/runs?status=gone', 400, 'invalid_request'],
    ['/v1/runs?colour=red', 400, 'invalid_request'],
    ['/v1/runs?limit=201', 400, 'invalid_request'],
    ['/v1/runs?cursor=x', 400, 'invalid_request'],
    ['/v1/nothing', 404, 'not_found'],
  ])('answers %s with %i %s', async (path, status, code) => {
    const response = await service.request(path);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code, status });
  });

  it('accepts an id in any case, and returns it in lower case', async () => {
    const run = await service.submit();
    const loud = `/v1/runs/${run.id.toUpperCase()}`;
    const claimed = await service.claim();
    const asked = Promise.withResolvers<string>();
    const stopListening = await service.database.listen(CHANNELS.cancel, asked.resolve, () => undefined);
    const cancelled = (await (await service.post(`${loud}/cancel`, {})).json()) as RunResource;
    expect(cancelled.links.self).toBe(`/v1/runs/${run.id}`);
    expect(await asked.promise).toBe(run.id);
    await stopListening();
    const live = await service.request(`${loud}/events?after=2`, { headers: { accept: 'text/event-stream' } });
    const waiting = service.request(`${loud}?wait=30`);
    await service.finish(claimed);
    // A follower that gets no notification sends a heartbeat and polls seconds later.
    expect(await live.text()).not.toContain('still here');
    expect(await (await waiting).json()).toMatchObject({ id: run.id, status: 'succeeded' });
    const older = await service.request(`/v1/runs?cursor=${run.id.toUpperCase()}&limit=1`);
    expect(older.status).toBe(200);
    const missing = createId();
    expect(await (await service.request(`/v1/runs/${missing.toUpperCase()}`)).json()).toMatchObject({
      detail: `There is no run ${missing}.`,
    });
  });

  it('pages through the runs newest first', async () => {
    const ids = [
      (await service.submit({ user: 'p' })).id,
      (await service.submit({ user: 'p' })).id,
      (await service.submit({ user: 'p' })).id,
    ];
    const first = (await (await service.request('/v1/runs?user=p&limit=2')).json()) as {
      data: RunResource[];
      nextCursor: string;
    };
    expect(first.data.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
    const rest = (await (await service.request(`/v1/runs?user=p&limit=2&cursor=${first.nextCursor}`)).json()) as {
      data: RunResource[];
      nextCursor: null;
    };
    expect(rest).toMatchObject({ data: [{ id: ids[0] }], nextCursor: null });
    for (const id of ids) await service.post(`/v1/runs/${id}/cancel`, {});
  });

  it('pauses and resumes a queue', async () => {
    expect(await (await service.post('/v1/queues/reader/pause', {})).json()).toMatchObject({
      name: 'reader',
      pausedAt: expect.any(String) as string,
    });
    const run = await service.submit();
    expect(await service.claimUpTo(1)).toEqual([]);
    expect(await (await service.request('/v1/queues')).json()).toMatchObject({
      data: [
        { name: 'reader', waiting: 1 },
        { name: 'brief', waiting: 0 },
      ],
    });
    expect(await (await service.post('/v1/queues/reader/resume', {})).json()).toMatchObject({ pausedAt: null });
    const claimed = await service.claim();
    expect(claimed.run.id).toBe(run.id);
    await service.finish(claimed);
    expect((await service.post('/v1/queues/nobody/pause', {})).status).toBe(404);
  });

  it('describes itself as OpenAPI 3.1, with the problems of every route', async () => {
    const document = (await (await service.api.request('/openapi.json')).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { responses: object }>>;
    };
    expect(document.openapi).toBe('3.1.0');
    expect(Object.keys(document.paths)).toContain('/v1/runs/{id}/events');
    expect(document.paths['/v1/runs']?.['post']?.responses).toHaveProperty('415');
  });
});
