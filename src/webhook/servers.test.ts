import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { WebhookDeliveryResource } from '../api/contract.ts';
import { WEBHOOK_ATTEMPTS } from '../core/webhooks.ts';
import { takeDue } from './due-deliveries.ts';
import { startReceiver, type Receiver } from './receiver.fixture.ts';
import { startWebhookBench, type WebhookBench } from './webhooks.fixture.ts';

describe.each(DATABASE_KINDS)('webhooks sent by several servers, on the %s database', (kind) => {
  let bench: WebhookBench;
  let receiver: Receiver;
  const made: string[] = [];

  beforeAll(async () => {
    bench = await startWebhookBench(kind);
  });
  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await bench.stopServers();
    for (const id of made.splice(0)) await bench.removeWebhook(id);
    await sql`delete from longhaul.webhook_deliveries`.execute(bench.database.sql);
    await receiver.close();
  });
  afterAll(() => bench.close());

  async function create(changes: object = {}) {
    const webhook = await bench.createWebhook({ url: receiver.url, ...changes });
    made.push(webhook.id);
    return webhook;
  }

  /** Submits a run with the application's key, and ends it. */
  async function finish() {
    await bench.submitAs(bench.plainKey);
    await bench.finish(await bench.claim());
  }

  /** Once `status` stands there: it is written after the answer. */
  async function settled(path: string, status: WebhookDeliveryResource['status']): Promise<WebhookDeliveryResource> {
    await expect.poll(async () => (await bench.deliveriesOf(path))[0]?.status, { timeout: 5_000 }).toBe(status);
    return (await bench.deliveriesOf(path))[0]!;
  }

  it('are delivered by another when a server dies between taking one and telling', async () => {
    const { id } = await create();
    await finish();
    // Taken by a server that then dies.
    expect(await takeDue(bench.database, { now: new Date(bench.now()), free: 10 })).toHaveLength(1);
    const server = await bench.startServer();
    bench.pass(50_000);
    server.wake();
    expect(await takeDue(bench.database, { now: new Date(bench.now()), free: 10 })).toEqual([]);
    bench.pass(20_000);
    server.wake();
    await receiver.until(1);
    expect(await settled(`/v1/webhooks/${id}`, 'delivered')).toMatchObject({ attempts: 2 });
  });

  it('are each delivered once by two servers', async () => {
    await create();
    for (let count = 0; count < 10; count++) await finish();
    await Promise.all([bench.startServer(), bench.startServer()]);
    await receiver.until(10);
    await bench.stopServers();
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(10);
    expect(receiver.received).toHaveLength(10);
  });

  it('leave what is on its way to another server when one leaves, and count it for no attempt', async () => {
    const { id } = await create();
    receiver.state.answer = () => {};
    const leaving = await bench.startServer();
    await finish();
    await receiver.until(1);
    await leaving.stop();
    receiver.state.answer = (response) => response.writeHead(204).end();
    await bench.startServer();
    await receiver.until(2);
    expect(await settled(`/v1/webhooks/${id}`, 'delivered')).toMatchObject({ attempts: 2 });
    const { rows } = await sql`select attempts_left from longhaul.webhook_deliveries`.execute(bench.database.sql);
    expect(rows).toEqual([{ attempts_left: WEBHOOK_ATTEMPTS - 1 }]);
  });

  it('wait for nobody who is slow', async () => {
    const slow = await startReceiver();
    try {
      const held: { end(): unknown }[] = [];
      slow.state.answer = (response) => held.push({ end: () => response.writeHead(204).end() });
      await create({ url: slow.url });
      await bench.startServer();
      for (let count = 0; count < 8; count++) await finish();
      await slow.until(4);
      await create();
      await finish();
      await receiver.until(1);
      // More than a few at once are not asked of who is slow.
      expect(slow.received).toHaveLength(4);
      slow.state.answer = (response) => response.writeHead(204).end();
      for (const one of held) one.end();
      await slow.until(9);
    } finally {
      await bench.stopServers();
      await slow.close();
    }
  });
});
