import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { revokeKey } from '../access/keys.ts';
import { createScheduleTicker } from '../schedule/schedule-ticker.ts';
import { startTicks } from '../schedule/start-ticks.ts';
import type { Ticked } from '../schedule/ticker.ts';
import { createLog } from '../core/log.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { Problem, RunResource, ScheduleResource } from './contract.ts';
import { toScheduledSubmission } from './scheduled-submission.ts';

const MINUTE_MS = 60_000;

describe.each(DATABASE_KINDS)('a schedule on the %s database', (kind) => {
  let api: TestApi;

  beforeAll(async () => {
    api = await startApi(kind, { limits: { perUser: { runsPerMinute: false, usdPerDay: 2 } } });
  });

  afterEach(() => sql`delete from longhaul.schedules`.execute(api.database.sql));
  afterAll(() => api.close());

  const send = async (method: string, path: string, body?: object, key?: string) => {
    const response = await api.request(`/v1/schedules${path}`, {
      method,
      ...(key !== undefined && { key }),
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    return {
      status: response.status,
      body: (await response.json()) as ScheduleResource & Problem & { data: ScheduleResource[] },
    };
  };
  const create = async (changes: object = {}, key?: string) => {
    const every = { agent: 'reader', prompt: 'hello', cron: '* * * * *', ...changes };
    const { status, body } = await send('POST', '', every, key);
    expect(status).toBe(201);
    return body;
  };
  const read = async (id: string) => (await send('GET', `/${id}`)).body;
  const runsOf = async (id: string) => {
    const { data } = (await (await api.request(`/v1/runs?scheduleId=${id}&limit=200`)).json()) as {
      data: RunResource[];
    };
    return data.toReversed();
  };
  const createTicker = (known = api.rules.agents) =>
    createScheduleTicker({
      database: api.database,
      queue: api.queue,
      rules: { ...api.rules, agents: known },
      toSubmission: (schedule) => toScheduledSubmission(schedule, known),
    });
  /** Runs all due ticks, as a server does. */
  const tickAll = async (now: Date, ticker = createTicker()) => {
    const ticked: Ticked[] = [];
    for (;;) {
      const one = await ticker.tickNext(now);
      if (one === null) return ticked;
      ticked.push(one);
    }
  };
  const later = (iso: string | null, ms: number) => new Date(Date.parse(iso!) + ms);

  it('submits its run when it is due, and not before', async () => {
    const schedule = await create({ name: 'report', user: 'ann', metadata: { a: 1 }, priority: 5, cron: '@daily' });
    expect(schedule).toMatchObject({ timeZone: 'UTC', missed: 'once', pausedAt: null, lastAt: null, lastError: null });
    expect(await tickAll(later(schedule.nextAt, -1))).toEqual([]);
    const [ticked] = await tickAll(later(schedule.nextAt, 400));
    const [run, ...others] = await runsOf(schedule.id);
    expect(others).toEqual([]);
    expect(run).toMatchObject({
      id: ticked!.madeId,
      user: 'ann',
      metadata: { a: 1 },
      priority: 5,
      scheduleId: schedule.id,
      scheduledFor: schedule.nextAt,
    });
    expect(await read(schedule.id)).toMatchObject({
      lastAt: schedule.nextAt,
      lastRunId: run!.id,
      nextAt: later(schedule.nextAt, 24 * 60 * MINUTE_MS).toISOString(),
    });
    const { rows } = await sql`select actor, data from longhaul.audit
      where action = 'run.submitted' and subject = ${run!.id}`.execute(api.database.sql);
    expect(rows).toMatchObject([{ actor: 'system', data: expect.stringContaining(schedule.id) as string }]);
  });

  it('ticks once when many servers poll at once', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => create()));
    const now = later(made[0]!.nextAt, 100);
    const ticked = await Promise.all(Array.from({ length: 6 }, () => tickAll(now)));
    expect(ticked.flat().length).toBe(5);
    for (const { id } of made) expect((await read(id)).lastAt).toBe(made[0]!.nextAt);
  });

  it.each([
    ['skip', 0],
    ['once', 1],
    ['all', 100],
  ])('makes up for the ticks of a missed day by its policy: %s', async (missed, count) => {
    const schedule = await create({ missed });
    const now = later(schedule.nextAt, 24 * 60 * MINUTE_MS + 90_000 - 60_000 + 15_000);
    const ticked = await tickAll(now);
    expect(ticked.filter(({ madeId }) => madeId !== null)).toHaveLength(count === 0 ? 1 : count);
    const runs = await runsOf(schedule.id);
    const latest = new Date(Math.floor(now.getTime() / MINUTE_MS) * MINUTE_MS);
    // The latest tick is less than a minute old, so every policy submits it.
    expect(runs.at(-1)?.scheduledFor).toBe(latest.toISOString());
    expect(new Set(runs.map(({ scheduledFor }) => scheduledFor)).size).toBe(runs.length);
    expect((await read(schedule.id)).nextAt).toBe(later(latest.toISOString(), MINUTE_MS).toISOString());
  });

  it('skips missed ticks when its policy is skip', async () => {
    const schedule = await create({ missed: 'skip', cron: '@hourly' });
    expect(await tickAll(later(schedule.nextAt, 61_000))).toMatchObject([{ tickAt: null, madeId: null }]);
    expect(await runsOf(schedule.id)).toEqual([]);
    expect(await read(schedule.id)).toMatchObject({
      lastAt: null,
      nextAt: later(schedule.nextAt, 60 * MINUTE_MS).toISOString(),
    });
  });

  it('records a rejected run, and continues with the next tick', async () => {
    const schedule = await create({ user: `spent-${kind}`, missed: 'all' });
    await tickAll(later(schedule.nextAt, 2 * MINUTE_MS));
    expect(await runsOf(schedule.id)).toHaveLength(2);
    const refused = await read(schedule.id);
    expect(refused).toMatchObject({
      lastError: { code: 'user_budget' },
      lastAt: later(schedule.nextAt, 2 * MINUTE_MS).toISOString(),
      nextAt: later(schedule.nextAt, 3 * MINUTE_MS).toISOString(),
    });
    await sql`update longhaul.budget_accounts set reserved_micros = 0`.execute(api.database.sql);
    await tickAll(later(schedule.nextAt, 3 * MINUTE_MS));
    expect(await read(schedule.id)).toMatchObject({ lastError: null });
  });

  it('leaves a tick for a minute to servers that know its agent, then records that no server does', async () => {
    const schedule = await create();
    const without = createTicker(new Map([...api.rules.agents].filter(([name]) => name !== 'reader')));
    expect(await tickAll(later(schedule.nextAt, 30_000), without)).toEqual([]);
    await tickAll(later(schedule.nextAt, MINUTE_MS), without);
    expect(await read(schedule.id)).toMatchObject({ lastError: { code: 'agent_not_found' }, lastRunId: null });
  });

  it('submits no instant twice when the clock is set back, and ticks from the present time on', async () => {
    const schedule = await create();
    const ahead = later(schedule.nextAt, 3 * 60 * MINUTE_MS);
    await tickAll(ahead);
    expect(await createTicker().followClockBack(ahead)).toBe(0);
    const back = later(ahead.toISOString(), -30_000 - 2 * MINUTE_MS);
    expect(await createTicker().followClockBack(back)).toBe(1);
    for (let minute = 0; minute <= 4; minute++) await tickAll(later(back.toISOString(), minute * MINUTE_MS));
    const ticks = (await runsOf(schedule.id)).map(({ scheduledFor }) => scheduledFor!).sort();
    expect(ticks).toEqual(
      [-120, -60, 0, 60].map((seconds) => later(ahead.toISOString(), seconds * 1_000).toISOString()),
    );
  });

  it('is changed, paused, resumed and deleted, and each action is in the audit record', async () => {
    const schedule = await create({ cron: '@daily' });
    const at = `/${schedule.id}`;
    const { body: changed } = await send('PATCH', at, { cron: '30 * * * *', timeZone: 'Asia/Kolkata', name: 'x' });
    expect(changed).toMatchObject({ cron: '30 * * * *', name: 'x', prompt: 'hello' });
    expect(changed.nextAt).toMatch(/:00:00\.000Z$/);
    expect((await send('PATCH', at, { prompt: 'other' })).body.nextAt).toBe(changed.nextAt);
    const { body: paused } = await send('POST', `${at}/pause`);
    expect(paused).toMatchObject({ pausedReason: 'by_hand', nextAt: null });
    expect((await send('POST', `${at}/pause`)).body.pausedAt).toBe(paused.pausedAt);
    expect((await send('PATCH', at, { cron: '* * * * *' })).body.nextAt).toBeNull();
    expect(await tickAll(later(changed.nextAt, 24 * 60 * MINUTE_MS))).toEqual([]);
    const { body: resumed } = await send('POST', `${at}/resume`);
    expect(resumed).toMatchObject({ pausedAt: null, pausedReason: null });
    expect(Date.parse(resumed.nextAt!)).toBeLessThanOrEqual(Date.now() + MINUTE_MS);
    expect((await send('DELETE', at)).status).toBe(200);
    expect((await send('DELETE', at)).status).toBe(404);
    expect(await tickAll(later(changed.nextAt, 24 * 60 * MINUTE_MS))).toEqual([]);
    const { rows } = await sql<{ action: string }>`
      select action from longhaul.audit where subject = ${schedule.id} order by id`.execute(api.database.sql);
    expect(rows.map(({ action }) => action.replace('schedule.', ''))).toEqual([
      'created',
      'changed',
      'changed',
      'paused',
      'changed',
      'resumed',
      'removed',
    ]);
  });

  it('is triggered by hand, even while it is paused, without a change of its ticks', async () => {
    const schedule = await create({ cron: '@daily' });
    await send('POST', `/${schedule.id}/pause`);
    const { status, body: run } = await send('POST', `/${schedule.id}/trigger`);
    expect(status).toBe(202);
    expect(run).toMatchObject({ scheduleId: schedule.id, scheduledFor: null, status: 'queued' });
    expect((await send('POST', `/${schedule.id}/trigger`)).body.id).not.toBe(run.id);
    expect(await read(schedule.id)).toMatchObject({ nextAt: null, lastAt: null });
  });

  it('is paused when its key is revoked, and belongs to the key that resumes it', async () => {
    const key = await api.makeKey();
    const schedule = await create({ webhookUrl: 'https://example.com/hook' }, key);
    const { rows } = await sql<{ id: string }>`
      select created_by as id from longhaul.schedules where id = ${schedule.id}`.execute(api.database.sql);
    await revokeKey(api.database, { id: rows[0]!.id, actor: 'system' });
    const due = later(schedule.nextAt, 1_000);
    expect(await tickAll(due)).toEqual([]);
    expect(await createTicker().pauseOfRevokedKeys(due)).toEqual([schedule.id]);
    expect(await createTicker().pauseOfRevokedKeys(due)).toEqual([]);
    expect(await read(schedule.id)).toMatchObject({ pausedReason: 'key_revoked', nextAt: null });
    const { body } = await send('POST', `/${schedule.id}/resume`);
    expect(body).toMatchObject({ pausedReason: null, webhookUrl: null });
    expect(await tickAll(later(body.nextAt, 0))).toHaveLength(1);
  });

  it('is visible to and created by a caller bound to its user only', async () => {
    const [ann, bob] = [await api.makeKey({ user: 'ann' }), await api.makeKey({ user: 'bob' })];
    const schedule = await create({}, ann);
    expect(schedule.user).toBe('ann');
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/pause'],
      ['POST', '/resume'],
      ['POST', '/trigger'],
    ] as const) {
      expect((await send(method, `/${schedule.id}${path}`, undefined, bob)).status).toBe(404);
    }
    expect((await send('PATCH', `/${schedule.id}`, { prompt: 'x' }, bob)).status).toBe(404);
    const listOf = async (key: string) => (await send('GET', '', undefined, key)).body.data.map(({ id }) => id);
    expect(await listOf(bob)).toEqual([]);
    expect(await listOf(ann)).toEqual([schedule.id]);
    const mine = { agent: 'reader', prompt: 'x', cron: '@daily' };
    expect((await send('POST', '', { ...mine, user: 'ann' }, bob)).status).toBe(403);
    const reads = await api.makeKey({ scopes: ['runs:read'] });
    expect((await send('POST', '', mine, reads)).status).toBe(403);
  });

  it('has a webhook URL that only its key and operators can see and change', async () => {
    const webhookUrl = 'https://example.com/hook?secret';
    const [own, other] = [await api.makeKey(), await api.makeKey()];
    const { id } = await create({ webhookUrl }, own);
    expect((await send('GET', `/${id}`, undefined, own)).body).toMatchObject({ webhookUrl });
    expect(await read(id)).toMatchObject({ webhookUrl });
    expect((await send('GET', `/${id}`, undefined, other)).body).toMatchObject({ webhookUrl: null });
    expect((await send('POST', `/${id}/pause`, undefined, other)).body).toMatchObject({ webhookUrl: null });
    for (const change of [{ webhookUrl: 'https://example.org' }, { webhookUrl: null }]) {
      expect(await send('PATCH', `/${id}`, change, other)).toMatchObject({
        status: 403,
        body: { errors: [{ path: 'webhookUrl' }] },
      });
    }
    expect((await send('PATCH', `/${id}`, { priority: 3 }, other)).status).toBe(200);
    expect(await read(id)).toMatchObject({ webhookUrl, priority: 3 });
    expect((await send('PATCH', `/${id}`, { webhookUrl: null }, own)).body).toMatchObject({ webhookUrl: null });
  });

  it('is limited to a hundred per user, even when many are created at once', async () => {
    const mine = { agent: 'reader', prompt: 'x', cron: '@daily', user: 'max' };
    const made = await Promise.all(Array.from({ length: 105 }, () => send('POST', '', mine)));
    expect(made.filter(({ status }) => status === 201)).toHaveLength(100);
    expect(made.filter(({ status }) => status === 409)).toHaveLength(5);
  });

  it.each([
    [{ cron: '* * * * * *' }, 'cron'],
    [{ cron: '0 0 30 2 *' }, 'cron'],
    [{ timeZone: 'Mars/Base' }, 'timeZone'],
    [{ missed: 'some' }, 'missed'],
    [{ prompt: 'x'.repeat(5_001) }, 'prompt'],
    [{ limits: { maxTurns: 1_000 } }, 'limits.maxTurns'],
    [{ startAfter: '2026-01-01T00:00:00Z' }, 'startAfter'],
    [{ webhookUrl: 'ftp://x' }, 'webhookUrl'],
  ])('is rejected with %j, when it is created and when it is changed', async (wrong, path) => {
    const { status, body } = await send('POST', '', { agent: 'reader', prompt: 'x', cron: '@daily', ...wrong });
    expect([status, body.errors?.map((error) => error.path)]).toEqual([400, [path]]);
    const { id } = await create();
    const change = await send('PATCH', `/${id}`, wrong);
    expect([change.status, change.body.errors?.map((error) => error.path)]).toEqual([400, [path]]);
  });

  it('ticks automatically as long as a server polls', async () => {
    const schedule = await create({ cron: '* * * * *' });
    const stop = startTicks({
      database: api.database,
      ticker: createTicker(),
      words: { row: 'schedule', made: 'run' },
      log: createLog('error'),
      clock: () => later(schedule.nextAt, 10),
      lookEveryMs: 5,
    });
    try {
      await expect.poll(async () => (await runsOf(schedule.id)).length, { timeout: 10_000 }).toBe(1);
    } finally {
      await stop();
    }
    expect(await runsOf(schedule.id)).toHaveLength(1);
  });
});
