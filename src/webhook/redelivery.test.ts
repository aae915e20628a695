import { sql } from 'kysely';
import { beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { WebhookDeliveryResource } from '../api/contract.ts';
import { WEBHOOK_ATTEMPTS } from '../core/webhooks.ts';
import type { Answer } from './receiver.fixture.ts';
import { useWebhooks } from './webhooks.fixture.ts';

describe.each(DATABASE_KINDS)('webhooks sent again by hand, on the %s database', (kind) => {
  const suite = useWebhooks(kind);
  let webhookId: string;

  beforeEach(async () => {
    webhookId = (await suite.create()).id;
  });

  const read = async () => (await suite.bench.deliveriesOf(`/v1/webhooks/${webhookId}`))[0]!;
  const settled = (status: WebhookDeliveryResource['status']) => suite.settled(`/v1/webhooks/${webhookId}`, status);
  const redeliver = async () =>
    suite.bench.call<WebhookDeliveryResource>(`/v1/webhooks/deliveries/${(await read()).id}/redeliver`, {
      method: 'POST',
    });
  const readAttemptsLeft = async () => {
    const { rows } = await sql<{ attempts_left: number }>`
      select attempts_left from longhaul.webhook_deliveries`.execute(suite.bench.database.sql);
    return rows.map(({ attempts_left: left }) => left);
  };

  /** Makes the receiver keep its first caller waiting; the returned function answers that caller. */
  function hold(): (status: number) => void {
    const first = Promise.withResolvers<Parameters<Answer>[0]>();
    suite.receiver.state.answer = (response) => {
      suite.receiver.state.answer = (next) => next.writeHead(204).end();
      first.resolve(response);
    };
    return (status) => void first.promise.then((response) => response.writeHead(status).end());
  }

  /** Ends a run whose delivery has `attemptsLeft` attempts left. */
  async function finish(attemptsLeft = WEBHOOK_ATTEMPTS) {
    await suite.finish();
    await sql`update longhaul.webhook_deliveries set attempts_left = ${attemptsLeft}`.execute(suite.bench.database.sql);
  }

  it('have the same id and body', async () => {
    await suite.bench.startServer();
    await finish();
    const delivered = await settled('delivered');
    expect(await redeliver()).toMatchObject({ id: delivered.id, status: 'pending', attempts: 1 });
    const [first, second] = await suite.receiver.until(2);
    expect(await settled('delivered')).toMatchObject({ attempts: 2 });
    expect(second!.headers['webhook-id']).toBe(first!.headers['webhook-id']);
    expect(second!.body).toBe(first!.body);
  });

  // With two left, the wait after the attempt in progress would be eight hours.
  it.each([1, 2])('during an attempt are sent when it fails, even with %s left', async (attemptsLeft) => {
    const answer = hold();
    await finish(attemptsLeft);
    await suite.bench.startServer();
    await suite.receiver.until(1);
    expect(await redeliver()).toMatchObject({ status: 'pending', attempts: 1 });
    answer(503);
    expect(await settled('delivered')).toMatchObject({ attempts: 2 });
    expect(suite.receiver.received).toHaveLength(2);
    expect(await readAttemptsLeft()).toEqual([WEBHOOK_ATTEMPTS - 1]);
    expect(suite.bench.lines).toEqual([]);
  });

  it('during an attempt are done when that one is accepted', async () => {
    const answer = hold();
    await finish();
    await suite.bench.startServer();
    await suite.receiver.until(1);
    await redeliver();
    answer(204);
    expect(await settled('delivered')).toMatchObject({ attempts: 1 });
  });

  it('have no more attempts than others when the server of the current attempt leaves', async () => {
    hold();
    await finish();
    const leaving = await suite.bench.startServer();
    await suite.receiver.until(1);
    await redeliver();
    await leaving.stop();
    expect(await readAttemptsLeft()).toEqual([WEBHOOK_ATTEMPTS]);
    await suite.bench.startServer();
    expect(await settled('delivered')).toMatchObject({ attempts: 2 });
  });
});
