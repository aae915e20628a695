import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { rollUp } from '../stats/roll-up.ts';
import { sample } from '../stats/sample.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { StatsResource } from './contract.ts';

const MINUTE_MS = 60_000;

describe.each(DATABASE_KINDS)('statistics on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });
  afterAll(() => service.close());

  async function stats(query: Record<string, string> = {}, key?: string): Promise<StatsResource> {
    const response = await service.request(
      `/v1/stats?${new URLSearchParams(query).toString()}`,
      key === undefined ? {} : { key },
    );
    expect(response.status).toBe(200);
    return (await response.json()) as StatsResource;
  }

  /** Inserts a run that ended at a given time, with its cost. */
  async function enter({
    at,
    user = null,
    team = null,
    status = 'succeeded',
    code = null,
    waitMs = 100,
    durationMs = 1_000,
    costMicros = 0,
  }: {
    at: Date;
    user?: string | null;
    team?: string | null;
    status?: string;
    code?: string | null;
    waitMs?: number;
    durationMs?: number;
    costMicros?: number;
  }): Promise<void> {
    const { id } = await service.submit({ ...(user !== null && { user }), ...(team !== null && { team }) });
    const connection = service.database.sql;
    // The id carries a time too, so it is moved as well.
    const oldId = `${at
      .getTime()
      .toString(16)
      .padStart(12, '0')
      .replace(/(.{8})/, '$1-')}-${id.slice(14)}`;
    await sql`delete from longhaul.run_events where run_id = ${id}`.execute(connection);
    await sql`delete from longhaul.run_search where run_id = ${id}`.execute(connection);
    await sql`delete from longhaul_queue.job where id = ${id}`.execute(connection);
    await sql`
      update longhaul.runs
         set id = ${oldId}, created_at = ${at}, started_at = ${new Date(at.getTime() + waitMs)}, finished_at = ${at},
             status = ${status}, error_code = ${code}, duration_ms = ${durationMs}, cost_micros = ${costMicros}
       where id = ${id}`.execute(connection);
    if (costMicros === 0) return;
    await sql`
      insert into longhaul.ledger_entries (attempt_id, position, run_id, attempt, agent, user_id, team, outcome, concludes, cost_micros, at)
      values (gen_random_uuid(), 0, ${oldId}, 1, 'reader', ${user}, ${team}, ${status}, ${status}, ${costMicros}, ${at})`.execute(
      connection,
    );
  }

  /** As before the first roll-up, which begins so many hours ago. */
  async function forgetRollUps(hours: number): Promise<void> {
    await sql`truncate longhaul.stat_counts, longhaul.stat_times, longhaul.stat_count_sums, longhaul.stat_time_sums`.execute(
      service.database.sql,
    );
    const from = sql`date_bin('15 minutes', now() - ${hours} * interval '1 hour', 'epoch')`;
    await sql`update longhaul.stat_progress set minutes_until = ${from}, quarters_until = ${from}, sums_zone = null`.execute(
      service.database.sql,
    );
  }

  /** Returns a time in an earlier minute, or in this one, but never in the future. */
  const ago = (minutes: number) =>
    new Date(Math.min(Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - minutes * MINUTE_MS + 1_000, Date.now()));

  it('has the same sums before, during and after the roll-up', async () => {
    await forgetRollUps(5);
    for (const minutes of [0, 1, 3, 20, 47, 95, 180]) {
      await enter({ at: ago(minutes), costMicros: 250_000, durationMs: 10_000 });
      await enter({
        at: ago(minutes),
        status: 'failed',
        code: minutes < 30 ? 'hung' : 'max_turns',
        team: 'north',
        waitMs: 4_000,
      });
    }
    await enter({ at: ago(2), status: 'cancelled' });
    const query = { from: ago(290).toISOString(), step: 'hour' };
    const before = await stats(query);
    expect(before.totals).toMatchObject({
      submitted: 15,
      succeeded: 7,
      failed: 7,
      cancelled: 1,
      costUsd: 1.75,
      failures: [
        { code: 'hung', runs: 4 },
        { code: 'max_turns', runs: 3 },
      ],
    });
    expect(before.totals.duration).toEqual({
      p50Ms: expect.any(Number) as number,
      p95Ms: expect.any(Number) as number,
      runs: 15,
    });
    expect(before.totals.duration!.p50Ms).toBeGreaterThan(900);
    expect(before.totals.duration!.p50Ms).toBeLessThan(1_200);
    expect(before.totals.duration!.p95Ms).toBeGreaterThan(9_000);
    expect(before.totals.duration!.p95Ms).toBeLessThan(11_000);
    expect(before.totals.wait!.p95Ms).toBeGreaterThan(3_600);
    expect(before.data.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(7);
    expect(before.agents).toMatchObject([{ agent: 'reader', submitted: 15, failed: 7, costUsd: 1.75 }]);

    const minutes = await stats({ ...query, step: 'minute' });
    const ofTeam = await stats(query, await service.makeKey({ team: 'north' }));
    expect(ofTeam.totals).toMatchObject({ submitted: 7, succeeded: 0, failed: 7, costUsd: 0 });

    while (await rollUp(service.database, { timeZone: 'UTC' }));
    const { rows } = await sql<{ minutes: string; quarters: string }>`
      select sum(amount) filter (where step = 'minute' and kind <> 'cost') as minutes,
             sum(amount) filter (where step = 'quarter' and kind <> 'cost') as quarters
        from longhaul.stat_counts`.execute(service.database.sql);
    // The last minutes and the last quarter of an hour are unfinished.
    expect(Number(rows[0]!.minutes)).toBeGreaterThanOrEqual(22);
    expect(Number(rows[0]!.minutes)).toBeLessThan(30);
    expect(Number(rows[0]!.quarters)).toBeGreaterThanOrEqual(12);
    expect(await stats(query)).toMatchObject({ totals: before.totals, data: before.data, agents: before.agents });
    expect((await stats({ ...query, step: 'minute' })).data.slice(0, 280)).toEqual(minutes.data.slice(0, 280));
    expect((await stats(query, await service.makeKey({ team: 'north' }))).totals).toEqual(ofTeam.totals);
    // A second call does nothing.
    expect(await rollUp(service.database, { timeZone: 'UTC' })).toBe(false);
    expect((await stats(query)).totals).toEqual(before.totals);
  });

  it('has the same hours and days when they are summed up, for any time zone', async () => {
    await forgetRollUps(100);
    for (const hours of [26, 49, 50, 75]) {
      await enter({ at: ago(hours * 60), costMicros: 500_000, durationMs: hours * 1_000 });
      await enter({ at: ago(hours * 60 + 20), status: 'failed', code: 'hung', team: 'north' });
    }
    const from = ago(90 * 60).toISOString();
    const read = async () =>
      Promise.all(
        ['day', 'hour']
          .flatMap((step) => [
            { from, step },
            { from, step, agent: 'reader' },
          ])
          .map((query) => stats(query)),
      );
    const before = await read();
    expect(before[0]!.totals.succeeded).toBeGreaterThanOrEqual(4);
    expect(before[0]!.totals.failed).toBeGreaterThanOrEqual(4);
    const same = before.map(({ data, totals, agents }) => ({ data, totals, agents }));

    while (await rollUp(service.database, { timeZone: 'UTC' }));
    expect(await read()).toMatchObject(same);
    // The days are not added up from quarters of an hour.
    await sql`delete from longhaul.stat_counts where start < now() - interval '25 hours'`.execute(service.database.sql);
    await sql`delete from longhaul.stat_times where start < now() - interval '25 hours'`.execute(service.database.sql);
    expect(await read()).toMatchObject(same);

    await forgetRollUps(100);
    while (await rollUp(service.database, { timeZone: 'Asia/Kolkata' }));
    const { rows } = await sql<{ minutes: number }>`
      select distinct extract(minute from start)::int as minutes from longhaul.stat_count_sums`.execute(
      service.database.sql,
    );
    expect(rows).toEqual([{ minutes: 30 }]);
    // The sums of another time zone are not used, and replaced.
    expect(await read()).toMatchObject(same);
    await sql`update longhaul.stat_progress set minutes_until = minutes_until - interval '1 minute'`.execute(
      service.database.sql,
    );
    await sql`delete from longhaul.stat_counts where start >= (select minutes_until from longhaul.stat_progress)`.execute(
      service.database.sql,
    );
    await sql`delete from longhaul.stat_times where start >= (select minutes_until from longhaul.stat_progress)`.execute(
      service.database.sql,
    );
    await rollUp(service.database, { timeZone: 'UTC' });
    expect(await read()).toMatchObject(same);
  });

  it('is rolled up by one of many concurrent calls', async () => {
    await forgetRollUps(2);
    const before = (await stats()).totals;
    await Promise.all(Array.from({ length: 5 }, () => rollUp(service.database, { timeZone: 'UTC' })));
    expect((await stats()).totals).toMatchObject({ submitted: before.submitted, succeeded: before.succeeded });
  });

  it('leaves out minutes for which an open transaction may still commit rows', async () => {
    if (kind === 'embedded') return; // The embedded database has one connection, so no transaction runs concurrently.
    const readUntil = async () => {
      const { rows } = await sql<{ until: Date }>`select minutes_until as until from longhaul.stat_progress`.execute(
        service.database.sql,
      );
      return rows[0]!.until.getTime();
    };
    // Rolls up as if it were later, so that only the transaction delays it.
    const later = { timeZone: 'UTC', marginMs: -10 * MINUTE_MS };
    await service.database.sql.transaction().execute(async (trx) => {
      await sql`select pg_current_xact_id()`.execute(trx);
      await rollUp(service.database, later);
      expect(await readUntil()).toBeLessThanOrEqual(Date.now());
    });
    await rollUp(service.database, later);
    expect(await readUntil()).toBeGreaterThan(Date.now());
    await forgetRollUps(2);
  });

  it('shows users their own statistics, and the total cost only to operators', async () => {
    await enter({ at: ago(1), user: 'ann', costMicros: 1_000 });
    await enter({ at: ago(1), user: 'bob', costMicros: 2_000 });
    const ofAnn = await stats({}, await service.makeKey({ user: 'ann' }));
    expect(ofAnn.totals).toMatchObject({ submitted: 1, succeeded: 1, costUsd: 0.001 });
    expect(ofAnn.data.every(({ queues, slots }) => queues === null && slots === null)).toBe(true);
    const ofServer = await stats({}, service.plainKey);
    expect(ofServer.totals.costUsd).toBeNull();
    expect(ofServer.totals.submitted).toBeGreaterThan(2);
  });

  it('shows the recorded state of queues and workers', async () => {
    await service.submit();
    const { database, queue } = service;
    const options = { database, queue, queueNames: ['reader', 'brief'] };
    await sql`update longhaul.stat_progress set sampled_at = '-infinity'`.execute(database.sql);
    expect(await sample(options)).toBe(true);
    expect(await sample(options)).toBe(false);
    const { data, queues, now } = await stats({ from: ago(2).toISOString(), step: 'minute' });
    const taken = data.filter((point) => point.queues !== null);
    expect(taken).toHaveLength(1);
    expect(taken[0]).toMatchObject({ queues: { waiting: 1 }, slots: { workers: 0, total: 0 } });
    expect(queues.find((one) => one.queue === 'reader')?.data).toMatchObject([{ waiting: 1 }]);
    expect(now.queued).toBe(1);
    const { queues: ofOther } = await stats({ from: ago(2).toISOString(), step: 'minute', agent: 'brief' });
    expect(ofOther.map((one) => one.queue)).toEqual(['brief']);
  });

  it('has a step for every minute, hour and day, including those in which nothing happened', async () => {
    const day = { from: '2026-03-01T00:30:00Z', to: '2026-03-04T12:00:00Z', step: 'day' };
    expect((await stats(day)).data.map(({ at }) => at)).toEqual(
      [1, 2, 3, 4].map((date) => `2026-03-0${date}T00:00:00.000Z`),
    );
    expect((await stats({ ...day, step: 'hour' })).data).toHaveLength(84);
    expect((await stats()).data.length).toBeGreaterThanOrEqual(24);
  });

  it('rejects a range that is empty, too long for its steps, or too old for minutes', async () => {
    for (const query of [
      'from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z',
      'from=2020-03-02T00:00:00Z&step=hour',
      'from=2026-03-01T00:00:00Z&to=2026-03-01T01:00:00Z&step=minute',
      'step=week',
      'from=x',
    ]) {
      expect((await service.request(`/v1/stats?${query}`)).status, query).toBe(400);
    }
  });
});
