import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createId } from '../core/ids.ts';
import { takeDue } from './due-deliveries.ts';
import { startReceiver } from './receiver.fixture.ts';
import { startWebhookBench, type WebhookBench } from './webhooks.fixture.ts';

describe.each(DATABASE_KINDS)('webhooks of many API keys, on the %s database', (kind) => {
  let bench: WebhookBench;
  beforeAll(async () => {
    bench = await startWebhookBench(kind);
  });
  afterEach(async () => {
    await bench.stopServers();
    await sql`delete from longhaul.webhook_deliveries`.execute(bench.database.sql);
  });
  afterAll(() => bench.close());

  /** Queues deliveries, `each` in every lane, due since `dueSeconds`; returns their key. */
  async function put({ lanes, each = 1, dueSeconds = 60, keyId = createId(), from = 0 }: Line): Promise<string> {
    await sql`
      insert into longhaul.webhook_deliveries (id, key_id, type, url, body, lane, attempts_left, next_attempt_at)
      select gen_random_uuid(), ${keyId}::uuid, 'run.succeeded', 'http://127.0.0.1:9', '{}',
             ${keyId} || ' ' || to_char(${from}::int + lane, 'FM000000'), 11,
             clock_timestamp() - ${dueSeconds}::int * interval '1 s'
        from generate_series(1, ${lanes}::int) as lane, generate_series(1, ${each}::int)`.execute(bench.database.sql);
    return keyId;
  }
  const take = (free = 64, underWay: string[] = []) =>
    takeDue(bench.database, { now: new Date(bench.now()), free, underWay });
  const countOf = (taken: readonly { keyId: string }[], keyId: string) =>
    taken.filter((one) => one.keyId === keyId).length;

  it('do not wait for another key’s addresses that never answer, however many those are', async () => {
    const hung = await Promise.all(Array.from({ length: 17 }, () => startReceiver()));
    const receiver = await startReceiver();
    try {
      for (const one of hung) one.state.answer = () => {};
      const key = await bench.makeKey();
      for (let count = 0; count < 68; count++) {
        const run = await bench.submitAs(key, { webhookUrl: hung[count % hung.length]!.url });
        await bench.call(`/v1/runs/${run.id}/cancel`, { method: 'POST', key });
      }
      await bench.startServer();
      const askedOf = () => hung.reduce((sum, { received }) => sum + received.length, 0);
      await expect.poll(askedOf, { timeout: 10_000 }).toBe(32);
      await bench.submitAs(bench.plainKey, { webhookUrl: receiver.url });
      await bench.finish(await bench.claim());
      await receiver.until(1);
      const { rows } = await sql`
        select from longhaul.webhook_deliveries where last_error is not null`.execute(bench.database.sql);
      // None of those had ended: it had another place.
      expect(rows).toEqual([]);
      expect(askedOf()).toBe(32);
    } finally {
      await bench.stopServers();
      await Promise.all([...hung, receiver].map((one) => one.close()));
    }
  });

  it('have equal shares of a process, with a place left for a key that has none', async () => {
    const [one, other] = [await put({ lanes: 100, dueSeconds: 900 }), await put({ lanes: 100, dueSeconds: 600 })];
    const late = await put({ lanes: 1, dueSeconds: 1 });
    const taken = await take();
    expect([one, other, late].map((key) => countOf(taken, key))).toEqual([21, 21, 1]);
    const underWay = taken.map(({ keyId }) => keyId);
    expect(await take(64 - underWay.length, underWay)).toEqual([]);
    const latest = await put({ lanes: 30 });
    const rest = await take(64 - underWay.length, underWay);
    expect([rest.length, countOf(rest, latest)]).toEqual([11, 11]);
    const last = await put({ lanes: 1, dueSeconds: 1 });
    expect((await take(1, [...underWay, ...rest.map(({ keyId }) => keyId)])).map(({ keyId }) => keyId)).toEqual([last]);
  });

  it('of one key take turns over its addresses, the longest wait first', async () => {
    const key = await put({ lanes: 1, each: 100, dueSeconds: 900 });
    await put({ keyId: key, lanes: 1, from: 1, dueSeconds: 61 });
    await put({ keyId: key, lanes: 1, from: 2, dueSeconds: 60 });
    expect(await take(4)).toHaveLength(2);
    const { rows } = await sql<{ lane: string }>`
      select lane from longhaul.webhook_deliveries where taken_until is not null order by lane`.execute(
      bench.database.sql,
    );
    expect(rows.map(({ lane }) => lane)).toEqual([`${key} 000001`, `${key} 000002`]);
    expect(await take()).toHaveLength(4);
    // The first address has its four.
    expect(await take()).toEqual([]);
  });

  it('of a key with more addresses than a poll steps through are seen when they are its oldest', async () => {
    const key = await put({ lanes: 600, dueSeconds: -3_600 });
    await put({ keyId: key, lanes: 5, from: 600 });
    const [before, after] = [await put({ lanes: 1 }), await put({ lanes: 1 })];
    const taken = await take();
    expect([key, before, after].map((one) => countOf(taken, one))).toEqual([5, 1, 1]);
  });

  it('are each claimed once by servers that poll at the same moment', async () => {
    for (let count = 0; count < 5; count++) await put({ lanes: 20 });
    const taken = (await Promise.all([take(), take(), take()])).flat();
    expect(taken.length).toBeGreaterThanOrEqual(50);
    expect(new Set(taken.map(({ id }) => id)).size).toBe(taken.length);
  });
});

interface Line {
  readonly lanes: number;
  readonly each?: number;
  readonly dueSeconds?: number;
  readonly keyId?: string;
  /** The number of the lane before the first. */
  readonly from?: number;
}
