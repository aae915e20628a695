import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createId } from '../core/ids.ts';
import { CHANNELS } from '../db/database.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { WorkerResource } from './contract.ts';

describe.each(DATABASE_KINDS)('the workers over HTTP, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });
  afterAll(() => service.close());

  const addWorker = async ({ age = '0 s', ...parts }: { age?: string; holding_reason?: string } = {}) => {
    const id = createId();
    const heartbeat_at = sql<Date>`now() - ${age}::interval`;
    await service.database.sql
      .insertInto('longhaul.workers')
      .values({ id, host: 'h', pid: 7, version: '1.2.3', slots: 4, heartbeat_at, ...parts })
      .execute();
    return id;
  };
  const list = async () => {
    const { data } = (await (await service.request('/v1/workers')).json()) as { data: WorkerResource[] };
    return data;
  };
  const drain = (id: string, key?: string) =>
    service.request(`/v1/workers/${id}/drain`, { method: 'POST', ...(key !== undefined && { key }) });

  it('list each live worker, and whether it takes runs', async () => {
    const working = await addWorker({ age: '29 s' });
    const holding = await addWorker({ holding_reason: 'needs 410 MB for agent "coder", 180 MB are free' });
    await addWorker({ age: '31 s' });
    const workers = await list();
    expect(workers.map(({ id }) => id).toSorted()).toEqual([working, holding].toSorted());
    expect(workers.find(({ id }) => id === working)).toEqual({
      id: working,
      host: 'h',
      pid: 7,
      version: '1.2.3',
      slots: 4,
      running: 0,
      freeMemoryBytes: null,
      spares: 0,
      containment: null,
      state: 'working',
      holdingReason: null,
      startedAt: expect.any(String) as string,
      heartbeatAt: expect.any(String) as string,
    });
    expect(workers.find(({ id }) => id === holding)).toMatchObject({
      state: 'holding',
      holdingReason: 'needs 410 MB for agent "coder", 180 MB are free',
    });
  });

  it('record a drain request, and notify the worker', async () => {
    const id = await addWorker({ holding_reason: 'memory' });
    const told = Promise.withResolvers<string>();
    const stopListening = await service.database.listen(CHANNELS.drain, told.resolve);
    const response = await drain(id.toUpperCase());
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ id, state: 'draining' });
    expect(await told.promise).toBe(id);
    await stopListening();
    const readRequest = () =>
      service.database.sql.selectFrom('longhaul.workers').select('drain_requested_at').where('id', '=', id).execute();
    const first = await readRequest();
    expect((await drain(id)).status).toBe(202);
    expect(await readRequest()).toEqual(first);
  });

  it('return an idle worker that stops as soon as it is asked to drain', async () => {
    const id = await addWorker();
    await sql`create function longhaul.leave() returns trigger language plpgsql as $$
      begin delete from longhaul.workers where id = new.id; return null; end $$`.execute(service.database.sql);
    await sql`create constraint trigger leave after update on longhaul.workers deferrable initially deferred
      for each row execute function longhaul.leave()`.execute(service.database.sql);
    const response = await drain(id);
    await sql`drop trigger leave on longhaul.workers`.execute(service.database.sql);
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ id, state: 'draining' });
    expect((await list()).map((worker) => worker.id)).not.toContain(id);
  });

  it('reject a drain of an unknown or dead worker, or with a key that is not an operator’s', async () => {
    const unknown = await drain(createId());
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ code: 'not_found' });
    expect((await drain(await addWorker({ age: '1 hour' }))).status).toBe(404);
    const id = await addWorker();
    expect((await drain('first')).status).toBe(400);
    const refused = await drain(id, service.plainKey);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ code: 'forbidden' });
    expect((await list()).find((worker) => worker.id === id)).toMatchObject({ state: 'working' });
  });
});
