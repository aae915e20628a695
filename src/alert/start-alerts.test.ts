import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { startTcpProxy } from '../../test/support/tcp-proxy.ts';
import { openPostgresDatabase } from '../db/postgres.ts';
import { createAlertBench, createConfig, type AlertBench } from './alert.fixture.ts';
import { startReceiver, type Receiver } from './receiver.fixture.ts';
import { startAlerts, type AlertsOptions } from './start-alerts.ts';
import { RULES } from './rules.ts';

/** Enough time for a busy machine. */
const PATIENCE = { timeout: 20_000 };

describe.each(DATABASE_KINDS)('alerts, once started, on the %s database', (kind) => {
  let bench: AlertBench;
  let receiver: Receiver;
  let lines: { level: number; msg: string; key?: string }[];
  let stops: (() => Promise<void>)[];

  beforeAll(async () => {
    bench = await createAlertBench(kind);
  });
  afterAll(() => bench.remove());
  beforeEach(async () => {
    await bench.clear();
    receiver = await startReceiver();
    lines = [];
    stops = [];
  });
  afterEach(async () => {
    await Promise.all(stops.map((stop) => stop()));
    await receiver.close();
  });

  function start(parts: Partial<AlertsOptions> = {}) {
    const log = pino({}, { write: (line: string) => lines.push(JSON.parse(line) as (typeof lines)[number]) });
    const config = createConfig({ alerts: { channels: [{ type: 'webhook', url: receiver.url }] } });
    const { database, queue } = bench;
    const stop = startAlerts({ config, database, queue, log, tickMs: 20, everyMs: 1_000, ...parts });
    stops.push(stop);
    return stop;
  }

  it('report a problem and its end, once for any number of servers', async () => {
    await bench.enqueue(51);
    for (let i = 0; i < 3; i++) start();
    await expect.poll(() => receiver.told(), PATIENCE).toEqual(['opened queue_depth:reader']);
    await bench.empty();
    await expect.poll(() => receiver.told().slice(1), PATIENCE).toEqual(['resolved queue_depth:reader']);
    const logged = () =>
      lines.filter(({ key }) => key === 'queue_depth:reader').map(({ level, msg }) => `${level} ${msg}`);
    await expect
      .poll(logged, PATIENCE)
      .toEqual(['40 alert: 51 runs wait in queue reader', '30 alert resolved: 51 runs wait in queue reader']);
    expect(receiver.received).toHaveLength(2);
  });

  it('stop at once although a channel does not answer, and leave its delivery to the next server', async () => {
    receiver.state.status = 0;
    const reached = new Promise((resolve) => {
      receiver.state.onReceived = resolve;
    });
    await bench.enqueue(51);
    const stop = start();
    await reached;
    const before = performance.now();
    await stop();
    expect(performance.now() - before).toBeLessThan(2_000);
    receiver.state.status = 204;
    start();
    await expect.poll(() => receiver.received.length, PATIENCE).toBe(2);
    const [first, second] = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(second).toBe(first);
  });

  it.skipIf(kind === 'embedded')('survive a database that goes away, and log it once', async () => {
    const url = new URL(bench.url!);
    const proxy = await startTcpProxy(Number(url.port));
    url.port = String(proxy.port);
    const database = await openPostgresDatabase({ url: url.href });
    const stop = start({ database, graceMs: 200 });
    await expect.poll(async () => (await bench.turns()).length, PATIENCE).toBe(RULES.length);
    proxy.shut();
    await expect.poll(() => lines.filter(({ msg }) => msg.startsWith('Alerts are delayed')), PATIENCE).toHaveLength(1);
    await bench.enqueue(51);
    proxy.reopen();
    await expect.poll(() => receiver.told(), PATIENCE).toEqual(['opened queue_depth:reader']);
    expect(lines.filter(({ msg }) => msg.startsWith('Alerts are delayed'))).toHaveLength(1);
    await stop();
    await database.close();
    await proxy.close();
  });
});
