import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { WEBHOOK_ATTEMPTS } from '../core/webhooks.ts';
import { takeDue } from './due-deliveries.ts';
import { startReceiver } from './receiver.fixture.ts';
import { useWebhooks } from './webhooks.fixture.ts';

describe.each(DATABASE_KINDS)('webhooks sent by several servers, on the %s database', (kind) => {
  const suite = useWebhooks(kind);
  const { create, finish, settled } = suite;

  it('are delivered by another server when one dies between the claim and the post', async () => {
    const { id } = await create();
    await finish();
    // Claimed by a server that then dies.
    expect(await takeDue(suite.bench.database, { now: new Date(suite.bench.now()), free: 10 })).toHaveLength(1);
    const server = await suite.bench.startServer();
    suite.bench.pass(50_000);
    server.wake();
    expect(await takeDue(suite.bench.database, { now: new Date(suite.bench.now()), free: 10 })).toEqual([]);
    suite.bench.pass(20_000);
    server.wake();
    await suite.receiver.until(1);
    expect(await settled(`/v1/webhooks/${id}`, 'delivered')).toMatchObject({ attempts: 2 });
  });

  it('are each delivered once by two servers', async () => {
    await create();
    for (let count = 0; count < 10; count++) await finish();
    await Promise.all([suite.bench.startServer(), suite.bench.startServer()]);
    await suite.receiver.until(10);
    await suite.bench.stopServers();
    expect(new Set(suite.receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(10);
    expect(suite.receiver.received).toHaveLength(10);
  });

  it('leave deliveries in progress to another server when one leaves, and count no attempt for them', async () => {
    const { id } = await create();
    suite.receiver.state.answer = () => {};
    const leaving = await suite.bench.startServer();
    await finish();
    await suite.receiver.until(1);
    await leaving.stop();
    suite.receiver.state.answer = (response) => response.writeHead(204).end();
    await suite.bench.startServer();
    await suite.receiver.until(2);
    expect(await settled(`/v1/webhooks/${id}`, 'delivered')).toMatchObject({ attempts: 2 });
    const { rows } = await sql`select attempts_left from longhaul.webhook_deliveries`.execute(suite.bench.database.sql);
    expect(rows).toEqual([{ attempts_left: WEBHOOK_ATTEMPTS - 1 }]);
  });

  it('do not wait for a slow receiver', async () => {
    const slow = await startReceiver();
    try {
      const held: { end(): unknown }[] = [];
      slow.state.answer = (response) => held.push({ end: () => response.writeHead(204).end() });
      await create({ url: slow.url });
      await suite.bench.startServer();
      for (let count = 0; count < 8; count++) await finish();
      await slow.until(4);
      await create();
      await finish();
      await suite.receiver.until(1);
      // A slow receiver gets only a few at once.
      expect(slow.received).toHaveLength(4);
      slow.state.answer = (response) => response.writeHead(204).end();
      for (const one of held) one.end();
      await slow.until(9);
    } finally {
      await suite.bench.stopServers();
      await slow.close();
    }
  });
});
