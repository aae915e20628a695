import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createAlertBench, createConfig, MINUTE_MS, type AlertBench } from './alert.fixture.ts';
import { openChannel } from './channels/open-channel.ts';
import { startReceiver, type Receiver } from './receiver.fixture.ts';
import { createLog } from '../core/log.ts';
import { acknowledgeAlert } from './read-alerts.ts';
import { removeOldAlerts } from './remove-old-alerts.ts';
import { recordFindings } from './record-findings.ts';
import { queueDepth } from './fleet-rules.ts';
import { takeTurns } from './take-turns.ts';
import { RULES } from './rules.ts';

const SECRET = 'whsec_bG9uZ2hhdWwtdGVzdC1zZWNyZXQtMDEyMw==';

describe.each(DATABASE_KINDS)('an alert on the %s database', (kind) => {
  let bench: AlertBench;
  let receiver: Receiver;

  beforeAll(async () => {
    bench = await createAlertBench(kind);
  });
  afterAll(() => bench.remove());
  beforeEach(async () => {
    await bench.clear();
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  const createWebhookConfig = (parts: { minSeverity?: 'info' | 'critical'; queueDepth?: number } = {}) => {
    const { minSeverity = 'info', queueDepth = 50 } = parts;
    const channels = [{ type: 'webhook' as const, url: receiver.url, secret: SECRET, minSeverity }];
    return createConfig({ alerts: { queueDepth, channels } });
  };
  const channelOf = (config = createWebhookConfig()) =>
    openChannel(
      config.alerts.channels.find(({ type }) => type === 'webhook')!,
      createLog('silent'),
    );
  const deliver = () => bench.deliver(channelOf());
  const next = async (config = createWebhookConfig(), ms = MINUTE_MS) => {
    bench.pass(ms);
    await bench.evaluate(config);
  };
  const webhookDeliveries = async () =>
    (await bench.alerts()).flatMap(({ deliveries }) => deliveries).filter(({ channel }) => channel === 'webhook');

  it('is opened, repeated after an hour and resolved, and each event is delivered once, signed', async () => {
    const openedAt = bench.now();
    await bench.enqueue(51);
    await bench.evaluate(createWebhookConfig());
    await deliver();
    await deliver();
    await next(createWebhookConfig(), 59 * MINUTE_MS);
    await deliver();
    expect(receiver.told()).toEqual(['opened queue_depth:reader']);
    await next();
    await deliver();
    expect(receiver.told()).toEqual(['opened queue_depth:reader', 'repeated queue_depth:reader']);
    const isLess = createWebhookConfig({ queueDepth: 51 });
    await next(isLess);
    await next(isLess);
    await deliver();
    expect(receiver.told().slice(2)).toEqual(['resolved queue_depth:reader']);

    for (const { body, headers } of receiver.received) {
      expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toMatchObject({
        timestamp: expect.stringMatching(/^2026-03-10T1[23]:/) as string,
        data: { key: 'queue_depth:reader', rule: 'queue_depth', severity: 'warning', openedAt: openedAt.toISOString() },
      });
    }
    const [alert] = await bench.alerts();
    expect(alert).toMatchObject({ state: 'resolved', timesNotified: 2, resolvedAt: bench.now() });
    expect(alert?.deliveries.map(({ channel, what, status }) => [channel, what, status])).toEqual([
      ['log', 'opened', 'pending'],
      ['webhook', 'opened', 'delivered'],
      ['log', 'repeated', 'pending'],
      ['webhook', 'repeated', 'delivered'],
      ['log', 'resolved', 'pending'],
      ['webhook', 'resolved', 'delivered'],
    ]);
  });

  it('opens again when its condition returns', async () => {
    await bench.setDay({ day: '2026-03-10', costUsd: 101 });
    await bench.evaluate();
    await bench.setDay({ day: '2026-03-10' });
    await next();
    await bench.setDay({ day: '2026-03-10', costUsd: 101 });
    await next();
    expect((await bench.alerts()).map(({ state }) => state)).toEqual(['open', 'resolved']);
    await bench.setDay({ day: '2026-03-10' });
    await next();
  });

  it('is opened once and delivered once by any number of servers at once', async () => {
    await bench.enqueue(51);
    const config = createWebhookConfig();
    const evaluated = await Promise.all(Array.from({ length: 6 }, () => bench.evaluate(config)));
    expect(evaluated.reduce((sum, rules) => sum + rules, 0)).toBe(RULES.length);
    await Promise.all(Array.from({ length: 6 }, deliver));
    expect(await bench.alerts()).toHaveLength(1);
    expect(receiver.told()).toEqual(['opened queue_depth:reader']);
  });

  it('is not changed by an evaluation that lasted until another began', async () => {
    const turnOf = async () =>
      (await takeTurns(bench.database, { rules: [queueDepth.name], now: bench.now(), everyMs: MINUTE_MS }))[0]!.turn;
    const finding = { key: 'queue_depth:x', severity: 'warning', title: 't', detail: 'd', data: {} } as const;
    const { alerts } = createConfig();
    const record = (turn: number) =>
      recordFindings(bench.database, {
        rule: queueDepth,
        turn,
        findings: [finding],
        now: bench.now(),
        everyMs: MINUTE_MS,
        alerts,
      });
    const slow = await turnOf();
    bench.pass(MINUTE_MS);
    const later = await turnOf();
    await record(slow);
    expect(await bench.alerts()).toEqual([]);
    await record(later);
    expect(await bench.alerts()).toHaveLength(1);
  });

  it('is delivered although the process that opened it died first', async () => {
    await bench.enqueue(51);
    await bench.evaluate(createWebhookConfig()); // Then the process dies.
    bench.pass(10 * MINUTE_MS);
    await deliver();
    expect(receiver.told()).toEqual(['opened queue_depth:reader']);
  });

  it('is delivered again, under the same id, when the process died in the middle of a delivery', async () => {
    await bench.enqueue(51);
    await bench.evaluate(createWebhookConfig());
    receiver.state.status = 0;
    const dying = new AbortController();
    const reached = new Promise((resolve) => {
      receiver.state.onReceived = resolve;
    });
    const delivering = bench.deliver(channelOf(), dying.signal);
    await reached;
    receiver.state.status = 204;
    await deliver();
    expect(receiver.received, 'while it is another’s').toHaveLength(1);
    bench.pass(MINUTE_MS);
    await deliver();
    dying.abort();
    await delivering;
    await deliver();
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
    expect(await webhookDeliveries()).toMatchObject([{ status: 'delivered', attempts: 2 }]);
  });

  it('is left to other processes at once when its process stops', async () => {
    await bench.enqueue(51);
    await bench.evaluate(createWebhookConfig());
    receiver.state.status = 0;
    const leaving = new AbortController();
    receiver.state.onReceived = () => leaving.abort();
    await bench.deliver(channelOf(), leaving.signal);
    receiver.state.status = 204;
    await deliver();
    expect(await webhookDeliveries()).toMatchObject([{ status: 'delivered', attempts: 2 }]);
  });

  it('is tried again after 10, 30, 90 s while a channel is down, in order, and the other channels do not wait for it', async () => {
    await bench.enqueue(51);
    const config = createConfig({
      alerts: {
        channels: [
          { type: 'webhook', url: receiver.url },
          { type: 'webhook', url: `${receiver.url}/second` },
        ],
      },
    });
    const [down, up] = config.alerts.channels
      .filter(({ type }) => type === 'webhook')
      .map((channel) => openChannel(channel, createLog('silent')));
    await bench.evaluate(config);
    receiver.state.status = 500;
    expect(await bench.deliver(down!)).toEqual(['HTTP status 500']);
    receiver.state.status = 204;
    await bench.deliver(up!);
    expect(receiver.received.map(({ path }) => path)).toEqual(['/hook', '/hook/second']);

    receiver.state.status = 503;
    bench.pass(9_000);
    expect(await bench.deliver(down!)).toEqual([]);
    bench.pass(1_000);
    expect(await bench.deliver(down!)).toEqual(['HTTP status 503']);
    bench.pass(30_000);
    expect(await bench.deliver(down!)).toEqual(['HTTP status 503']);
    const [waiting] = await webhookDeliveries();
    expect(waiting).toMatchObject({ status: 'pending', attempts: 3, lastError: 'HTTP status 503' });
    expect(waiting?.nextAttemptAt).toEqual(new Date(bench.now().getTime() + 90_000));

    await next(createConfig({ alerts: { queueDepth: false } }), 2 * MINUTE_MS);
    receiver.state.status = 204;
    await bench.deliver(down!);
    expect(receiver.received.filter(({ path }) => path === '/hook').length).toBe(5);
    expect(receiver.told().slice(-2)).toEqual(['opened queue_depth:reader', 'resolved queue_depth:reader']);
  });

  it('is given up when its channel is down for a day', async () => {
    await bench.enqueue(51);
    await bench.evaluate(createWebhookConfig());
    receiver.state.status = 500;
    let attempts = 0;
    for (; (await webhookDeliveries())[0]?.status === 'pending'; attempts++) {
      await deliver();
      bench.pass(60 * MINUTE_MS);
    }
    expect(attempts).toBeGreaterThan(20);
    expect(await webhookDeliveries()).toMatchObject([
      { status: 'failed', nextAttemptAt: null, lastError: 'HTTP status 500' },
    ]);
  });

  it('that becomes worse is delivered at once, and reaches channels for critical alerts only', async () => {
    const config = createWebhookConfig({ minSeverity: 'critical' });
    for (let i = 0; i < 7; i++) await bench.addRun();
    for (let i = 0; i < 3; i++) await bench.addRun({ errorCode: 'provider_rate_limit' });
    await bench.evaluate(config);
    await deliver();
    expect(receiver.received).toEqual([]);
    for (let i = 0; i < 30; i++) await bench.addRun({ errorCode: 'provider_rate_limit' });
    await next(config);
    await deliver();
    expect(receiver.told().toSorted()).toEqual(['opened error_rate', 'opened error_rate:reader']);
    const [overall] = await bench.alerts('error_rate');
    expect(overall).toMatchObject({ severity: 'critical', timesNotified: 2 });
    expect(overall?.deliveries.map(({ channel, what }) => `${channel} ${what}`)).toEqual([
      'log opened',
      'log repeated',
      'webhook opened',
    ]);
  });

  it('is not repeated after it was acknowledged', async () => {
    await bench.enqueue(51);
    await bench.evaluate(createWebhookConfig());
    const [{ id } = { id: '' }] = await bench.alerts();
    const keyId = '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f';
    expect(await acknowledgeAlert(bench.database, { id, keyId })).toMatchObject({ acknowledgedBy: keyId });
    await next(createWebhookConfig(), 61 * MINUTE_MS);
    expect(await bench.alerts()).toMatchObject([{ state: 'open', timesNotified: 1 }]);
  });

  it('is kept for 90 days after its end', async () => {
    await bench.setDay({ day: '2026-03-10', costUsd: 101 });
    await bench.evaluate(createWebhookConfig());
    await bench.setDay({ day: '2026-03-10' });
    await next();
    const after = (days: number) => new Date(bench.now().getTime() + days * 24 * 3_600_000);
    expect(await removeOldAlerts(bench.database, after(89))).toBe(0);
    expect(await webhookDeliveries()).toMatchObject([{ status: 'failed' }, { status: 'failed' }]);
    expect(await removeOldAlerts(bench.database, after(91))).toBe(1);
    expect(await bench.alerts()).toEqual([]);
  });
});
