import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { WebhookDeliveryResource } from '../api/contract.ts';
import { WEBHOOK_ATTEMPTS } from '../core/webhooks.ts';
import { startReceiver, type Answer, type Receiver } from './receiver.fixture.ts';
import { startWebhookBench, type WebhookBench } from './webhooks.fixture.ts';

describe.each(DATABASE_KINDS)('webhooks sent again by hand, on the %s database', (kind) => {
  let bench: WebhookBench;
  let receiver: Receiver;
  let webhookId: string;

  beforeAll(async () => {
    bench = await startWebhookBench(kind);
  });
  beforeEach(async () => {
    receiver = await startReceiver();
    webhookId = (await bench.createWebhook({ url: receiver.url })).id;
  });
  afterEach(async () => {
    await bench.stopServers();
    await bench.removeWebhook(webhookId);
    await sql`delete from longhaul.webhook_deliveries`.execute(bench.database.sql);
    await receiver.close();
  });
  afterAll(() => bench.close());

  const read = async () => (await bench.deliveriesOf(`/v1/webhooks/${webhookId}`))[0]!;
  const settled = async (status: WebhookDeliveryResource['status']) => {
    await expect.poll(async () => (await read()).status, { timeout: 5_000 }).toBe(status);
    return read();
  };
  const redeliver = async () =>
    bench.call<WebhookDeliveryResource>(`/v1/webhooks/deliveries/${(await read()).id}/redeliver`, { method: 'POST' });
  const readAttemptsLeft = async () => {
    const { rows } = await sql<{ attempts_left: number }>`
      select attempts_left from longhaul.webhook_deliveries`.execute(bench.database.sql);
    return rows.map(({ attempts_left: left }) => left);
  };

  /** Has the receiver keep its first caller waiting; answers that one when it is called. */
  function hold(): (status: number) => void {
    const first = Promise.withResolvers<Parameters<Answer>[0]>();
    receiver.state.answer = (response) => {
      receiver.state.answer = (next) => next.writeHead(204).end();
      first.resolve(response);
    };
    return (status) => void first.promise.then((response) => response.writeHead(status).end());
  }

  /** Ends a run whose delivery has so many attempts left. */
  async function finish(attemptsLeft = WEBHOOK_ATTEMPTS) {
    await bench.submitAs(bench.plainKey);
    await bench.finish(await bench.claim());
    await sql`update longhaul.webhook_deliveries set attempts_left = ${attemptsLeft}`.execute(bench.database.sql);
  }

  it('go under the same id and say the same', async () => {
    await bench.startServer();
    await finish();
    const delivered = await settled('delivered');
    expect(await redeliver()).toMatchObject({ id: delivered.id, status: 'pending', attempts: 1 });
    const [first, second] = await receiver.until(2);
    expect(await settled('delivered')).toMatchObject({ attempts: 2 });
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(second!.body).toBe(first!.body);
  });

  // With two left the wait after the attempt that is under way would be eight hours.
  it.each([1, 2])('while an attempt is under way go out when it fails, also with %s left', async (attemptsLeft) => {
    const answer = hold();
    await finish(attemptsLeft);
    await bench.startServer();
    await receiver.until(1);
    expect(await redeliver()).toMatchObject({ status: 'pending', attempts: 1 });
    answer(503);
    expect(await settled('delivered')).toMatchObject({ attempts: 2 });
    expect(receiver.received).toHaveLength(2);
    expect(await readAttemptsLeft()).toEqual([WEBHOOK_ATTEMPTS - 1]);
    expect(bench.lines).toEqual([]);
  });

  it('while an attempt is under way are done when that one is taken', async () => {
    const answer = hold();
    await finish();
    await bench.startServer();
    await receiver.until(1);
    await redeliver();
    answer(204);
    expect(await settled('delivered')).toMatchObject({ attempts: 1 });
  });

  it('have no more attempts than others when the server of the one under way leaves', async () => {
    hold();
    await finish();
    const leaving = await bench.startServer();
    await receiver.until(1);
    await redeliver();
    await leaving.stop();
    expect(await readAttemptsLeft()).toEqual([WEBHOOK_ATTEMPTS]);
    await bench.startServer();
    expect(await settled('delivered')).toMatchObject({ attempts: 2 });
  });
});
