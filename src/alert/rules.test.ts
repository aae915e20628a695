import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { RunErrorCode } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import { createAlertBench, createConfig, MINUTE_MS, type AlertBench } from './alert.fixture.ts';
import { RULES } from './rules.ts';

describe.each(DATABASE_KINDS)('the alert rules on the %s database', (kind) => {
  let bench: AlertBench;

  beforeAll(async () => {
    bench = await createAlertBench(kind);
  });
  afterAll(() => bench.remove());
  beforeEach(() => bench.clear());

  const keys = async () => (await bench.alerts()).filter(({ state }) => state === 'open').map(({ key }) => key);
  const next = async (config = createConfig()) => {
    bench.pass(MINUTE_MS);
    await bench.evaluate(config);
  };
  const ago = (minutes: number) => new Date(bench.now().getTime() - minutes * MINUTE_MS);
  async function addRuns(count: number, agent: string, errorCode: RunErrorCode | null) {
    for (let i = 0; i < count; i++) await bench.addRun({ agent, errorCode });
  }

  it('find nothing when nothing is wrong', async () => {
    await addRuns(12, 'reader', null);
    expect(await bench.evaluate()).toBe(RULES.length);
    expect(await bench.alerts()).toEqual([]);
  });

  it('warn of a run over $5 once, whenever its end becomes visible, and resolve the alert a minute later', async () => {
    await bench.addRun({ costUsd: 5 });
    const run = await bench.addRun({ costUsd: 5.01, agent: 'writer' });
    await bench.evaluate();
    expect(await bench.alerts()).toMatchObject([
      {
        key: `run_cost:${run}`,
        severity: 'warning',
        state: 'open',
        title: 'A run of agent writer cost $5.01',
        data: { runId: run, agent: 'writer', costUsd: 5.01, thresholdUsd: 5 },
      },
    ]);
    const late = await bench.addRun({ costUsd: 7, finishedAt: ago(1) });
    await next();
    expect(await keys()).toEqual([`run_cost:${late}`]);
    for (let i = 0; i < 5; i++) await next();
    const all = await bench.alerts();
    expect(all.map(({ state, timesNotified }) => [state, timesNotified])).toEqual([
      ['resolved', 1],
      ['resolved', 1],
    ]);
  });

  it('treat a day over $100 as critical until its end, in the time zone of the configuration, and report it once', async () => {
    const config = createConfig({ timeZone: 'Asia/Tokyo' });
    expect(bench.now().toISOString()).toMatch(/^2026-03-10T12/);
    await bench.setDay({ day: '2026-03-10', costUsd: 100 });
    await bench.evaluate(config);
    expect(await keys()).toEqual([]);
    await bench.setDay({ day: '2026-03-10', costUsd: 100.5 });
    await next(config);
    bench.pass(100 * MINUTE_MS);
    await bench.evaluate(config);
    expect(await bench.alerts()).toMatchObject([
      { key: 'daily_cost', severity: 'critical', state: 'open', timesNotified: 1, title: 'The day has cost $100.50' },
    ]);
    bench.pass(2 * 3_600_000);
    await bench.evaluate(config);
    expect(await keys()).toEqual([]);
  });

  it('warn of a queue with more than 50 waiting, by name, and not at each swing around 50', async () => {
    await bench.enqueue(50, 'reader');
    await bench.enqueue(51, 'writer');
    await bench.evaluate();
    expect(await bench.alerts()).toMatchObject([
      { key: 'queue_depth:writer', severity: 'warning', data: { queue: 'writer', waiting: 51, threshold: 50 } },
    ]);
    const isLess = createConfig({ alerts: { queueDepth: 51 } });
    for (let i = 0; i < 5; i++) {
      await next(isLess);
      await next();
    }
    expect(await bench.alerts()).toMatchObject([{ state: 'open', timesNotified: 1 }]);
    await next(isLess);
    await next(isLess);
    expect(await bench.alerts()).toMatchObject([{ state: 'resolved' }]);
  });

  it('report the failing agent, the number and the likely cause: per agent and overall', async () => {
    await addRuns(10, 'reader', null);
    await addRuns(7, 'writer', null);
    await addRuns(2, 'writer', 'provider_auth');
    await addRuns(1, 'writer', 'invalid_model');
    await bench.addRun({ agent: 'writer', errorCode: 'hung', finishedAt: ago(16) });
    await bench.evaluate();
    expect(await bench.alerts()).toMatchObject([
      {
        key: 'error_rate:writer',
        severity: 'warning',
        title: '30 % of the runs of agent writer fail',
        detail:
          '3 of 10 runs that ended in the last 15 min failed. Likely cause: a mistake in the configuration (provider_auth 2, invalid_model 1).',
        data: { runs: 10, failed: 3, verdict: 'configuration', codes: { provider_auth: 2, invalid_model: 1 } },
      },
    ]);
    await addRuns(20, 'writer', 'provider_overloaded');
    await next();
    const alerts = await bench.alerts();
    expect(alerts.map(({ key, severity }) => [key, severity])).toEqual(
      expect.arrayContaining([
        ['error_rate', 'critical'],
        ['error_rate:writer', 'critical'],
      ]),
    );
    expect(alerts[0]?.data).toMatchObject({ runs: 40, failed: 23, verdict: 'provider_outage' });
  });

  it('draw no conclusion from fewer than 10 runs', async () => {
    await addRuns(9, 'reader', 'hung');
    await bench.evaluate();
    expect(await keys()).toEqual([]);
  });

  it('report agents that hung, of a missing executable and of lost workers for 15 minutes after the last', async () => {
    const lost = await bench.addWorker({ heartbeatAt: ago(2) });
    await bench.addWorker({ heartbeatAt: ago(0.5) });
    await bench.addWorker({ heartbeatAt: ago(20) });
    await bench.addAttempt({ errorCode: 'worker_lost', finishedAt: ago(1), workerId: lost });
    await bench.addAttempt({ errorCode: 'worker_lost', finishedAt: ago(1) });
    await bench.addAttempt({ errorCode: 'hung', finishedAt: ago(1) });
    await bench.addAttempt({ errorCode: 'cli_not_found', finishedAt: ago(1) });
    await bench.evaluate();
    const alerts = await bench.alerts();
    expect(alerts.map(({ key, severity }) => `${key} ${severity}`).toSorted()).toEqual([
      'executable_missing critical',
      'hung_runs warning',
      'worker_lost warning',
    ]);
    const [workers] = await bench.alerts('worker_lost');
    expect(workers).toMatchObject({ title: '2 workers were lost', data: { attempts: 2 } });
    expect(workers?.data['workers']).toContainEqual({ id: lost, host: 'truck-7', attempts: 1 });
    bench.pass(14 * MINUTE_MS + 1);
    await bench.database.sql.updateTable('longhaul.workers').set({ heartbeat_at: bench.now() }).execute();
    await bench.evaluate();
    expect(await keys()).toEqual([]);
  });

  it('warn of workers whose event loop was blocked, for 15 minutes after the last time', async () => {
    await bench.addWorker({ heartbeatAt: ago(0), stall: { ms: 20_000, at: ago(20) } });
    await bench.evaluate();
    expect(await keys()).toEqual([]);
    const id = await bench.addWorker({ heartbeatAt: ago(0), stall: { ms: 9_400, at: ago(1) } });
    await next();
    expect(await bench.alerts('worker_stalled')).toMatchObject([
      {
        severity: 'warning',
        title: '1 worker was blocked',
        data: { workers: [{ id, host: 'truck-7', stallMs: 9_400 }], stalled: 1 },
      },
    ]);
  });

  it('warn when the two counts of a day’s cost differ too much', async () => {
    await bench.setDay({ day: '2026-03-10', sdkUsd: 1.1, ownUsd: 1 });
    await bench.evaluate();
    expect(await keys()).toEqual([]);
    await bench.setDay({ day: '2026-03-10', sdkUsd: 0.8, ownUsd: 1 });
    await next();
    expect(await bench.alerts()).toMatchObject([
      { key: 'drift', severity: 'warning', data: { sdkCostUsd: 0.8, ownCostUsd: 1, share: 0.2 } },
    ]);
    await bench.setDay({ day: '2026-03-10', sdkUsd: 0.009, ownUsd: 0.001 });
    await next();
    expect(await keys()).toEqual([]);
    await bench.setDay({ day: '2026-03-10', sdkUsd: 3 });
    await next();
    expect(await keys()).toEqual(['drift']);
  });

  it('report budgets at 80 % and at 100 %, including reservations, by the day and month of now', async () => {
    const config = createConfig({
      limits: { perUser: { usdPerDay: 10 }, perTeam: { usdPerMonth: 100 }, global: { usdPerDay: 1_000 } },
    });
    await bench.setAccount({ scope: 'user', key: 'ann', period: 'day', start: '2026-03-10', spent: 7 });
    await bench.setAccount({ scope: 'user', key: 'ann', period: 'month', start: '2026-03-01', spent: 700 });
    await bench.setAccount({ scope: 'user', key: 'bob', period: 'day', start: '2026-03-09', spent: 10 });
    await bench.setAccount({ scope: 'team', key: 'ops', period: 'month', start: '2026-03-01', spent: 79 });
    await bench.evaluate(config);
    expect(await keys()).toEqual([]);

    await bench.setAccount({ scope: 'team', key: 'ops', period: 'month', start: '2026-03-01', spent: 79, reserved: 1 });
    await bench.setAccount({ scope: 'user', key: 'ann', period: 'day', start: '2026-03-10', spent: 10 });
    await bench.setAccount({ scope: 'user', key: 'cid', period: 'day', start: '2026-03-10', spent: 9, reserved: 2 });
    await next(config);
    const alerts = await bench.alerts();
    expect(alerts.map(({ key, severity, title }) => `${key} ${severity} ${title}`).toSorted()).toEqual([
      'budget_100:user:day critical 2 users have used all of the daily budget',
      'budget_80:team:ops:month warning Team "ops" has used 80 % of the monthly budget',
      'budget_80:user:day warning 2 users have used 80 % of the daily budget',
    ]);
    await bench.database.sql
      .insertInto('longhaul.budgets')
      .values({ scope: 'team', key: 'ops', month_micros: 200e6 })
      .execute();
    await next(config);
    expect(await keys()).not.toContain('budget_80:team:ops:month');
  });

  it('warn of a webhook whose deliveries were given up, once, until it accepts a delivery or a day after the last failure', async () => {
    const webhook = await bench.addWebhook();
    const lane = { lane: webhook, endpointId: webhook };
    await bench.addDelivery({ ...lane, status: 'delivered', at: ago(30) });
    await bench.addDelivery({ ...lane, at: ago(20) });
    await bench.addDelivery({ ...lane, at: ago(10) });
    await bench.addDelivery({ ...lane, status: 'pending' });
    await bench.addDelivery({ lane: 'key shop.example.com', at: ago(5) });
    await bench.addDelivery({ lane: 'a test', isTest: true });
    await bench.addDelivery({ lane: 'a webhook that was removed', endpointId: createId() });
    await bench.evaluate();
    const key = `webhook_failed:${webhook}`;
    expect((await keys()).toSorted()).toEqual([key, 'webhook_failed:key shop.example.com'].toSorted());
    const [alert] = await bench.alerts(key);
    expect(alert).toMatchObject({
      severity: 'warning',
      title: 'Webhooks to shop.example.com fail',
      data: { host: 'shop.example.com', webhookId: webhook, deliveries: 2, responseStatus: 500 },
    });
    expect(alert?.detail).toMatch(/^In the last day 2 deliveries were given up; the last answer was 500\. /);
    expect(JSON.stringify(alert)).not.toContain('a-secret');
    bench.pass(3 * 60 * MINUTE_MS);
    await bench.evaluate();
    expect(await bench.alerts(key)).toMatchObject([{ state: 'open', timesNotified: 1 }]);
    await bench.addDelivery({ ...lane, status: 'delivered' });
    await next();
    expect(await keys()).toEqual(['webhook_failed:key shop.example.com']);
    bench.pass(21 * 60 * MINUTE_MS);
    await bench.evaluate();
    expect(await keys()).toEqual([]);
  });

  it('report 20 addresses one by one, and further ones together', async () => {
    for (let i = 0; i < 22; i++) await bench.addDelivery({ lane: `key ${i}.example.com`, at: ago(60 - i) });
    await bench.evaluate();
    expect(await keys()).toHaveLength(21);
    expect(await bench.alerts('webhook_failed')).toMatchObject([
      { title: 'Webhooks to 2 more addresses fail', data: { addresses: 2, deliveries: 2 } },
    ]);
  });

  it('report workers whose machine has a fault, critical if no other is available, until they work again', async () => {
    const id = await bench.addWorker({ heartbeatAt: ago(0), fault: 'ENOSPC: no space left on device' });
    await bench.addWorker({ heartbeatAt: ago(2), fault: 'of a lost worker' });
    const sound = await bench.addWorker({ heartbeatAt: ago(0) });
    await bench.evaluate();
    const [alert] = await bench.alerts('worker_fault');
    expect(alert).toMatchObject({
      severity: 'warning',
      title: '1 worker cannot work because of a fault of its machine',
      data: { faulty: 1, sound: 1, workers: [{ id, host: 'truck-7' }] },
    });
    expect(alert?.detail).toContain('On truck-7: ENOSPC');
    await bench.database.sql.deleteFrom('longhaul.workers').where('id', '=', sound).execute();
    bench.pass(MINUTE_MS - 1_000);
    await bench.addWorker({ heartbeatAt: ago(0), fault: 'EROFS: read-only file system' });
    await bench.database.sql
      .updateTable('longhaul.workers')
      .set({ heartbeat_at: ago(0) })
      .where('id', '=', id)
      .execute();
    bench.pass(1_000);
    await bench.evaluate();
    expect(await bench.alerts('worker_fault')).toMatchObject([{ severity: 'critical', data: { faulty: 2, sound: 0 } }]);
    await bench.database.sql.updateTable('longhaul.workers').set({ fault: null }).execute();
    await next();
    expect(await keys()).not.toContain('worker_fault');
  });

  it('report runs of an agent that no worker takes any more, and no others', async () => {
    const since = (minutes: number) => ({ createdAt: ago(minutes) });
    await bench.addQueued({ agent: 'gone', ...since(6) });
    await bench.addQueued({ agent: 'gone', ...since(7) });
    await bench.addQueued({ agent: 'gone', ...since(1) });
    await bench.addQueued({ agent: 'held', ...since(6), held_for: 'user' });
    await bench.addQueued({ agent: 'paused', ...since(6), queue: 'paused' });
    await bench.database.sql
      .insertInto('longhaul.queues')
      .values({ name: 'paused', paused_at: ago(9) })
      .execute();
    await bench.addQueued({ agent: 'writer', ...since(6) });
    await bench.addRun({ agent: 'over' });
    // A draining worker takes no more runs; a lost worker takes none either.
    await bench.addWorker({ heartbeatAt: ago(0), agents: ['gone'], drain_requested_at: ago(1) });
    await bench.addWorker({ heartbeatAt: ago(3), agents: ['gone'] });
    await bench.addWorker({ heartbeatAt: ago(0), agents: ['reader', 'writer'] });
    await bench.evaluate();
    const [alert] = await bench.alerts('agent_unserved');
    expect(alert).toMatchObject({
      severity: 'critical',
      title: 'Runs of 1 agent wait, but no worker takes them',
      data: { agents: [{ agent: 'gone', runs: 2 }], unserved: 1 },
    });
    // A worker of an earlier version does not report its agents: it may take these runs.
    const silent = await bench.addWorker({ heartbeatAt: new Date(bench.now().getTime() + MINUTE_MS) });
    await next();
    expect(await keys()).not.toContain('agent_unserved');
    await bench.database.sql.deleteFrom('longhaul.workers').where('id', '=', silent).execute();
    await bench.database.sql.deleteFrom('longhaul.queues').execute();
  });

  it('do not report an agent as unserved while its worker restarts', async () => {
    await bench.addQueued({ agent: 'reader', createdAt: ago(30) });
    await bench.addAttempt({ errorCode: 'cli_crashed', finishedAt: ago(1) });
    await bench.database.sql
      .updateTable('longhaul.attempts')
      .set({ peak_memory_bytes: 1, started_at: ago(3) })
      .execute();
    await bench.evaluate();
    expect(await keys()).not.toContain('agent_unserved');
    bench.pass(3 * MINUTE_MS);
    await bench.evaluate();
    expect(await bench.alerts('agent_unserved')).toMatchObject([{ data: { agents: [{ agent: 'reader', runs: 1 }] } }]);
  });

  it('find nothing when they are off', async () => {
    await bench.setDay({ day: '2026-03-10', costUsd: 1e5, sdkUsd: 9, ownUsd: 1 });
    await bench.enqueue(60);
    for (let i = 0; i < 12; i++) await bench.addRun({ costUsd: 9, errorCode: 'provider_error' });
    const off = {
      runCostUsd: false,
      dailyCostUsd: false,
      queueDepth: false,
      errorRate: false,
      driftShare: false,
    } as const;
    await bench.evaluate(createConfig({ alerts: off }));
    expect(await bench.alerts()).toEqual([]);
  });
});
