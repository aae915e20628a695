import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, DATABASE_KINDS } from '../../test/support/databases.ts';
import { createId } from '../core/ids.ts';
import { createLog } from '../core/log.ts';
import { CHANNELS } from '../db/database.ts';
import { announcePresence, removeDeadWorkers, type WorkerStatus } from './presence.ts';

const IDLE: WorkerStatus = {
  freeMemoryBytes: 5_000_000_000,
  spares: 0,
  holdingReason: null,
  fault: null,
  isDraining: false,
  lastStall: null,
};

describe.each(DATABASE_KINDS)('the presence of a worker, on the %s database', (kind) => {
  let store: Awaited<ReturnType<typeof createTestDatabase>>;

  beforeAll(async () => {
    store = await createTestDatabase(kind);
  });
  afterAll(() => store.remove());

  const announce = async (readStatus: () => WorkerStatus, onDrainRequested = () => {}) => {
    const serves = { agents: ['reader'], queues: ['reader'], pool_size: 8 };
    const worker = { id: createId(), version: '1.2.3', slots: 4, containment: 'mark', ...serves };
    const presence = await announcePresence({
      database: store.database,
      worker,
      readStatus,
      onDrainRequested,
      log: createLog('silent'),
    });
    return { presence, id: worker.id };
  };
  const find = (id: string) =>
    store.database.sql.selectFrom('longhaul.workers').selectAll().where('id', '=', id).executeTakeFirst();

  it('reports the worker and its status, at once and when something changes, until it leaves', async () => {
    let status = IDLE;
    const { presence, id } = await announce(() => status);
    expect(await find(id)).toMatchObject({
      pid: process.pid,
      slots: 4,
      version: '1.2.3',
      containment: 'mark',
      agents: ['reader'],
      fault: null,
      free_memory_bytes: 5_000_000_000,
      spares: 0,
      holding_reason: null,
      drain_requested_at: null,
    });
    const lastStall = { durationMs: 6_000, endedAt: new Date() };
    status = {
      freeMemoryBytes: 1,
      spares: 2,
      holdingReason: 'needs more',
      fault: 'full',
      isDraining: true,
      lastStall,
    };
    presence.update();
    await expect
      .poll(() => find(id))
      .toMatchObject({ free_memory_bytes: 1, spares: 2, holding_reason: 'needs more', fault: 'full' });
    expect((await find(id))?.drain_requested_at).toBeInstanceOf(Date);
    expect(await find(id)).toMatchObject({ last_stall_ms: 6_000, last_stalled_at: lastStall.endedAt });
    presence.update();
    await presence.leave();
    expect(await find(id)).toBeUndefined();
  });

  it('receives the drain request of its worker, and of no other', async () => {
    const requested = Promise.withResolvers<string>();
    const first = await announce(
      () => IDLE,
      () => requested.resolve('first'),
    );
    const second = await announce(
      () => IDLE,
      () => requested.resolve('second'),
    );
    await sql`select pg_notify(${CHANNELS.drain}, ${second.id})`.execute(store.database.sql);
    expect(await requested.promise).toBe('second');
    await Promise.all([first.presence.leave(), second.presence.leave()]);
  });

  it('receives with a heartbeat a request whose notification was lost', async () => {
    const requested = Promise.withResolvers<void>();
    const { presence, id } = await announce(() => IDLE, requested.resolve);
    await store.database.sql
      .updateTable('longhaul.workers')
      .set({ drain_requested_at: sql<Date>`now()` })
      .where('id', '=', id)
      .execute();
    presence.update();
    await requested.promise;
    await presence.leave();
  });

  it('outlives its worker by an hour at most', async () => {
    const ages = { alive: '1 minute', dead: '2 hours' };
    const ids = { alive: createId(), dead: createId() };
    for (const name of ['alive', 'dead'] as const) {
      const heartbeat_at = sql<Date>`now() - ${ages[name]}::interval`;
      await store.database.sql
        .insertInto('longhaul.workers')
        .values({ id: ids[name], host: 'h', pid: 1, version: '1', slots: 1, heartbeat_at })
        .execute();
    }
    await removeDeadWorkers(store.database);
    expect(await find(ids.dead)).toBeUndefined();
    expect(await find(ids.alive)).toBeDefined();
  });
});
