import { beforeEach, describe, expect, it } from 'vitest';
import { createClient } from '../src/client/client.ts';
import { say, turn } from '../src/testing/index.ts';
import { findFreePort } from './support/embedded-postgres.ts';
import { createMachines, untilEnded, untilEvent, type Machines } from './support/machines.ts';
import { startPostgresServer, type PostgresServer } from './support/postgres-server.ts';
import { startStandby, type Standby } from './support/standby.ts';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.ts';

// A database that moves to another server while a run is in progress: a real standby, promoted; a server and a worker
// as processes, behind a proxy that leads to the primary.

const TEXT = 'word '.repeat(200);

describe('a failover of the database', () => {
  let primary: PostgresServer;
  let standby: Standby;
  let proxy: TcpProxy;
  let machines: Machines;
  let serverUrl: string;

  const ask = async (path: string) => (await fetch(serverUrl + path)).status;
  const cut = () => proxy.cut();

  beforeEach(async () => {
    primary = await startPostgresServer();
    standby = await startStandby(primary);
    proxy = await startTcpProxy(Number(new URL(primary.url).port));
    const url = new URL(primary.url);
    url.port = String(proxy.port);
    machines = await createMachines(() => turn(say(TEXT, { chunks: 200, chunkDelayMs: 100 })), {
      databaseUrl: url.href,
    });
    const port = await findFreePort();
    serverUrl = `http://127.0.0.1:${port}`;
    await machines.start('server', { role: 'server', port });
    await machines.start('worker');
    return async () => {
      await machines[Symbol.asyncDispose]();
      await proxy.close();
      await standby.close();
      await primary.close();
    };
  });

  it.each([
    ['keeps its connections and takes no more writes', () => {}],
    ['is cut off', cut],
  ])('is survived by a run when the old primary %s', async (_, leave) => {
    const client = createClient({ url: serverUrl, apiKey: machines.apiKey });
    expect(await ask('/readyz')).toBe(200);
    const run = await client.submit({ agent: 'teller', prompt: 'speak' });
    await untilEvent(client, run.id, 'agent.text.delta');
    await standby.caughtUp();
    await primary.query('alter system set default_transaction_read_only = on');
    await primary.query('select pg_reload_conf()');
    leave();
    await expect.poll(() => ask('/readyz'), { timeout: 10_000 }).toBe(503);
    proxy.redirect(Number(new URL(standby.url).port));
    await standby.promote();
    await expect.poll(() => ask('/readyz'), { timeout: 10_000 }).toBe(200);
    expect(await client.submit({ agent: 'teller', prompt: 'speak' })).toMatchObject({ status: 'queued' });
    const ended = await untilEnded(client, run.id);
    expect(ended).toMatchObject({ status: 'succeeded', attempt: 1, result: TEXT });
  });
});
