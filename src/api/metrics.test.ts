import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { hasPromtool, promtool } from '../../test/support/promtool.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { countTotals } from '../metrics/totals.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { ScalingResource } from './contract.ts';

describe.each(DATABASE_KINDS)('metrics on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });
  afterAll(() => service.close());

  /** Scrapes as a server does that has just started: nothing of an earlier scrape is used again. */
  async function scrapeAnew(): Promise<string> {
    const { deps, rules, database } = service;
    const metrics = createMetrics({ config: rules, database, hasFleet: true, version: '0.0.0', log: deps.log });
    try {
      return await metrics.scrape();
    } finally {
      await metrics.close();
    }
  }

  /** Returns the sum of a metric's values over labels that contain `labels`. */
  function sumOf(scrape: string, name: string, labels = ''): number {
    const lines = scrape.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.filter((line) => line.includes(labels)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  it('open with the scope metrics, which opens nothing else', async () => {
    const key = await service.makeKey({ scopes: ['metrics'] });
    const response = await service.request('/metrics', { key });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toMatch(/^longhaul_wanted_slots 0$/m);
    expect((await service.request('/v1/scaling', { key })).status).toBe(200);
    for (const path of [
      '/v1/runs',
      '/v1/queues',
      '/v1/agents',
      '/v1/workers',
      '/v1/health/agent',
      '/v1/stats',
      '/v1/sign-in',
    ]) {
      expect([path, (await service.request(path, { key })).status]).toEqual([path, 403]);
    }
    for (const path of ['/metrics', '/v1/scaling']) {
      expect((await service.request(path, { key: service.plainKey })).status).toBe(403);
      expect((await service.api.request(path)).status).toBe(401);
    }
  });

  it('have no scope in tokens or for one user', async () => {
    const bound = await service.post('/v1/keys', { name: 'x', scopes: ['metrics'], user: 'ann' });
    expect(bound.status).toBe(400);
    const token = await service.post('/v1/tokens', { user: 'ann', scopes: ['metrics'] });
    expect(token.status).toBe(400);
  });

  it.runIf(hasPromtool)('satisfy promtool without a word', async () => {
    await service.submit();
    expect(promtool(['check', 'metrics'], { input: await scrapeAnew() })).toBe('');
  });

  it.runIf(kind === 'postgres')('count the connections to PostgreSQL', async () => {
    const connections = sumOf(await scrapeAnew(), 'longhaul_db_connections');
    expect(connections).toBeGreaterThanOrEqual(1);
    expect(connections).toBeLessThan(15);
  });

  it('tell how late live events are, and leave out the history of a stream', async () => {
    const { deps, rules, database } = service;
    const metrics = createMetrics({ config: rules, database, hasFleet: true, version: '0.0.0', log: deps.log });
    const ending = new AbortController();
    try {
      await service.submit();
      const headers = { accept: 'text/event-stream' };
      const { body } = await service.request('/v1/stream?after=0', { headers, signal: ending.signal });
      const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
      let read = '';
      const until = async (text: string) => {
        while (!read.includes(text)) read += (await reader.read()).value ?? '';
      };
      await until('run.queued');
      expect(sumOf(await metrics.scrape(), 'longhaul_stream_lag_seconds_count')).toBe(0);
      const { id } = await service.submit();
      await until(id);
      const scrape = await metrics.scrape();
      expect(sumOf(scrape, 'longhaul_stream_lag_seconds_count', 'transport="sse"')).toBeGreaterThanOrEqual(1);
      expect(sumOf(scrape, 'longhaul_stream_lag_seconds_sum')).toBeLessThan(5);
    } finally {
      ending.abort();
      await metrics.close();
    }
  });

  it('count runs, cost and tokens exactly once, before and after they are summed up', async () => {
    const before = await scrapeAnew();
    await service.submit({ user: 'ann' });
    const failing = await service.submit({ user: 'ben' });
    for (const detail of [undefined, 'the key was rejected']) await service.finish(await service.claim(), detail);
    const finished = await scrapeAnew();
    const grown = (scrape: string, name: string, labels?: string) =>
      Math.round((sumOf(scrape, name, labels) - sumOf(before, name, labels)) * 1e6) / 1e6;
    const figures = (scrape: string) => ({
      succeeded: grown(scrape, 'longhaul_runs_finished_total', 'status="succeeded"'),
      failed: grown(scrape, 'longhaul_runs_finished_total', 'code="provider_auth"'),
      attempts: grown(scrape, 'longhaul_attempts_total'),
      costUsd: grown(scrape, 'longhaul_cost_usd_total'),
    });
    const expected = { succeeded: 1, failed: 1, attempts: 2, costUsd: 0.003 };
    expect(failing.agent).toBe('reader');
    expect(figures(finished)).toEqual(expected);
    const { rows } = await sql<{ cost: number }>`
      select coalesce(sum(cost_micros), 0)::bigint as cost from longhaul.ledger_entries`.execute(service.database.sql);
    expect(Math.round(sumOf(finished, 'longhaul_cost_usd_total') * 1e6)).toBe(rows[0]!.cost);
    // As if a minute had passed: what happened is moved behind the safe end.
    await sql`update longhaul.runs set finished_at = finished_at - interval '2 minutes'`.execute(service.database.sql);
    await sql`update longhaul.ledger_entries set at = at - interval '2 minutes'`.execute(service.database.sql);
    expect(await countTotals(service.database)).toBe(true);
    const { rows: counted } = await sql<{ name: string }>`
      select distinct name from longhaul.metric_totals where name in ('runs', 'cost') order by 1`.execute(
      service.database.sql,
    );
    expect(counted.map(({ name }) => name)).toEqual(['cost', 'runs']);
    expect(figures(await scrapeAnew())).toEqual(expected);
    // A second count at once has nothing to do.
    expect(await countTotals(service.database)).toBe(false);
  });

  async function scaling(query = ''): Promise<ScalingResource> {
    const { deps, rules, database } = service;
    const metrics = createMetrics({ config: rules, database, hasFleet: true, version: '0.0.0', log: deps.log });
    const { createApi } = await import('./api.ts');
    const api = createApi({ ...deps, metrics });
    const response = await api.request(`/v1/scaling${query}`, {
      headers: { authorization: `Bearer ${await service.makeKey({ scopes: ['metrics'] })}` },
    });
    expect(response.status).toBe(200);
    return (await response.json()) as ScalingResource;
  }

  it('ask for slots for running and ready runs, and not for runs that another slot would not help', async () => {
    const { database } = service;
    const start = await scaling();
    await service.submit({ startAfter: new Date(Date.now() + 3_600_000).toISOString() });
    const running = await service.submit();
    await service.submit();
    await service.post('/v1/runs', { agent: 'brief', prompt: 'hi' });
    await service.claim();
    const found = await scaling();
    expect(running.status).toBe('queued');
    expect(found.wantedSlots - start.wantedSlots).toBe(3);
    expect(found.queues['reader']!.states).toMatchObject({ delayed: start.queues['reader']!.states.delayed + 1 });
    expect(found.running - start.running).toBe(1);
    expect(found.wantedWorkers).toBe(Math.ceil(found.wantedSlots / found.slotsPerWorker));
    expect(found.oldestWaitSeconds).toBeGreaterThanOrEqual(0);

    await service.request('/v1/queues/brief/pause', { method: 'POST' });
    const paused = await scaling();
    expect(paused.queues['brief']).toMatchObject({ wantedSlots: 0, states: { paused: 1, ready: 0 } });
    await service.request('/v1/queues/brief/resume', { method: 'POST' });

    await sql`insert into longhaul.provider_limits (account, model, kind, message, until, next_probe_at)
      values ('scripted', '*', 'rate_limit', 'slow down', now() + interval '1 minute', now())`.execute(database.sql);
    const limited = await scaling();
    expect(limited).toMatchObject({ ready: 0, wantedSlots: found.running });
    expect(limited.queues['brief']!.states.limited).toBe(1);
    expect(await scrapeAnew()).toContain('longhaul_provider_limited{provider="default",model="all"} 1');
    await sql`delete from longhaul.provider_limits`.execute(database.sql);
    expect((await scaling()).wantedSlots).toBe(found.wantedSlots);
  });

  it('say how many slots a machine carries, from what attempts really held', async () => {
    await sql`update longhaul.attempts set peak_memory_bytes = null`.execute(service.database.sql);
    const assumed = await scaling('?memoryGb=8');
    expect(assumed).toMatchObject({ memory: { isMeasured: false, slotBytes: 256_000_000 }, machine: { memoryGb: 8 } });
    await sql`update longhaul.attempts set agent = 'reader', peak_memory_bytes = 700000000
      where id = (select id from longhaul.attempts limit 1)`.execute(service.database.sql);
    const measured = await scaling('?memoryGb=8');
    // (8 GB − 5 % − 256 MB for the worker) / 700 MB
    expect(measured).toMatchObject({ memory: { isMeasured: true, slotBytes: 700_000_000 }, machine: { slots: 10 } });
    expect((await service.request('/v1/scaling?memoryGb=much')).status).toBe(400);
  });

  it('keep the figures of the process when the database cannot be read', async () => {
    const { deps, rules } = service;
    const database = { ...service.database, sql: null as never };
    const metrics = createMetrics({ config: rules, database, hasFleet: true, version: '1.2.3', log: deps.log });
    const scrape = await metrics.scrape();
    await metrics.close();
    expect(scrape).toMatch(/^longhaul_fleet_read_up 0$/m);
    expect(scrape).not.toContain('longhaul_wanted_slots');
    expect(scrape).toMatch(/^longhaul_build_info\{version="1.2.3"/m);
  });
});
