import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { createPostgresDatabase } from '../../test/support/databases.ts';
import { notificationsArrive } from './notifications-arrive.ts';
import { openPostgresDatabase } from './postgres.ts';

describe('notifications of a PostgreSQL', () => {
  let postgres: { url: string; drop: () => Promise<void> };
  beforeAll(async () => {
    postgres = await createPostgresDatabase({ isEmpty: true });
  });
  afterAll(() => postgres.drop());

  it('that do not arrive, as through a pooler in transaction mode, are reported', async () => {
    const proxy = await startProxyWithoutNotifications(new URL(postgres.url));
    const warned = Promise.withResolvers<string>();
    const database = await openPostgresDatabase({ url: proxy.url, onWarning: warned.resolve });
    await database.listen('longhaul_events', () => {});
    expect(database.hearsNotifications).toBe(true);
    expect(await warned.promise).toMatch(/do not arrive.* pooler in transaction mode/);
    expect(database.hearsNotifications).toBe(false);
    await database.close();
    await proxy.close();
  });

  it('are found to arrive where they do, and assumed to arrive when the process is closed meanwhile', async () => {
    const database = await openPostgresDatabase({ url: postgres.url });
    const { listen } = database;
    const closed = new AbortController();
    const notify = (channel: string, payload: string) =>
      sql`select pg_notify(${channel}, ${payload})`.execute(database.sql);
    expect(await notificationsArrive({ listen, notify, signal: closed.signal })).toBe(true);
    const never = notificationsArrive({ listen, notify: () => Promise.resolve(), signal: closed.signal });
    closed.abort();
    expect(await never).toBe(true);
    await database.close();
  });
});

/** Starts a proxy to PostgreSQL that drops each NotificationResponse (the protocol's message "A"). */
async function startProxyWithoutNotifications(target: URL) {
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    near.pipe(far);
    let kept = Buffer.alloc(0);
    far.on('data', (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk]);
      // Each message has a byte for its type, then its length, which includes the length field.
      while (kept.length >= 5 && kept.length > kept.readUInt32BE(1)) {
        const length = kept.readUInt32BE(1) + 1;
        if (kept[0] !== 'A'.charCodeAt(0)) near.write(kept.subarray(0, length));
        kept = kept.subarray(length);
      }
    });
    const end = () => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on('error', () => {}).on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    async close() {
      server.close();
      await once(server, 'close');
    },
  };
}
