import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { openPostgresDatabase } from '../../db/postgres.ts';
import { LonghaulError } from '../../core/errors.ts';
import { createAcceptRuns } from '../accept/accept-runs.ts';
import { changeBudget } from '../waiting/change-budget.ts';
import { readBudgets } from './read-budgets.ts';
import { cancelRun } from '../cancel.ts';
import { wakeRuns } from '../waiting/wake-runs.ts';
import { listRuns } from '../read/read-runs.ts';
import { SEES_ALL } from '../viewer.ts';
import { createRunBench, settlement, type RunBench } from '../run.fixture.ts';

const limits = {
  perUser: { usdPerDay: 3, runsPerMinute: false as const },
  perTeam: { usdPerDay: 5, whenReached: 'wait' as const },
  global: { usdPerMonth: 1_000 },
};

describe.each(DATABASE_KINDS)('budgets on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind, { limits, timeZone: 'Pacific/Auckland' });
  });

  afterAll(() => bench.remove());

  const spend = (costMicros: number) => ({ metered: { ...settlement.metered, costMicros }, reported: null });
  const read = async (key: string) =>
    (await readBudgets(bench.database, { viewer: SEES_ALL, rules: bench.rules, key, limit: 10 })).find(
      ({ period }) => period === 'day',
    );
  const runsOf = async (user: string) =>
    (await listRuns(bench.database, { viewer: SEES_ALL, filter: { user }, limit: 200 })).runs;
  /** Lets a year pass: a day of another month would leave the accounts of the months as they are. */
  const passAYear = async () => {
    await sql`update longhaul.runs set reserved_on = reserved_on - interval '1 year'`.execute(bench.database.sql);
    // Far away first: a key is unique at every moment.
    for (const years of [-1_000, 999]) {
      await sql`update longhaul.budget_accounts set start = start + ${years} * interval '1 year'`.execute(
        bench.database.sql,
      );
    }
  };

  it('reserves the ceiling of a run, and releases at its end the part it did not spend', async () => {
    const user = 'reserving';
    await bench.submit({ user });
    expect(await read(user)).toMatchObject({ spentMicros: 0, reservedMicros: 1_000_000, capMicros: 3_000_000 });
    await bench.settle(await bench.claim(), spend(250_000));
    expect(await read(user)).toMatchObject({ spentMicros: 250_000, reservedMicros: 0 });
    const run = await bench.submit({ user });
    await cancelRun(bench, run.id);
    expect(await read(user)).toMatchObject({ spentMicros: 250_000, reservedMicros: 0 });
  });

  it('rejects a run without money left, names the budget and its reset, and leaves no trace', async () => {
    const user = 'spender';
    const runs = [await bench.submit({ user }), await bench.submit({ user }), await bench.submit({ user })];
    const refused = await bench.submit({ user, idempotencyKey: 'refused' }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LonghaulError);
    expect(refused).toMatchObject({
      code: 'user_budget',
      details: { budget: { scope: 'user', period: 'day', limitUsd: 3, spentUsd: 0, reservedUsd: 3 } },
    });
    expect((refused as LonghaulError).retryAfterSeconds).toBeGreaterThan(0);
    expect((refused as LonghaulError).message).toContain('$3.00 a day');
    expect(await runsOf(user)).toHaveLength(3);
    // A smaller run may still fit where a larger one does not.
    await cancelRun(bench, runs[0]!.id);
    await bench.submit({ user, limits: { ...bench.agent.limits, maxBudgetUsd: 0.4 } });
    await bench.submit({ user, limits: { ...bench.agent.limits, maxBudgetUsd: 0.6 } });
    await expect(bench.submit({ user })).rejects.toMatchObject({ code: 'user_budget' });
    for (const { id } of await runsOf(user)) await cancelRun(bench, id);
  });

  it('accepts only as many runs as fit, however many are submitted at once', async () => {
    const user = 'crowd';
    const outcomes = await Promise.allSettled(Array.from({ length: 60 }, () => bench.submit({ user })));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(codes.every((error) => error instanceof LonghaulError && error.code === 'user_budget')).toBe(true);
    expect(await read(user)).toMatchObject({ reservedMicros: 3_000_000 });
    for (const { id } of await runsOf(user)) await cancelRun(bench, id);
  });

  it.runIf(kind === 'postgres')('accepts only as many of a thousand runs from four servers as fit', async () => {
    const user = 'thousand';
    const servers = await Promise.all(Array.from({ length: 4 }, () => openPostgresDatabase({ url: bench.url! })));
    const { queue, rules } = bench;
    const submission = bench.toSubmission({ user, limits: { ...bench.agent.limits, maxBudgetUsd: 0.7 } });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 1_000 }, (_, index) =>
        createAcceptRuns({ database: servers[index % 4]!, queue, rules, log: bench.log })({ submission }),
      ),
    );
    await Promise.all(servers.map((server) => server.close()));
    // 4 of $0.70 fit into $3, and what is left of it is less than one of them.
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
    expect(await read(user)).toMatchObject({ reservedMicros: 2_800_000 });
    for (const { id } of await runsOf(user)) await cancelRun(bench, id);
  });

  it('keeps the rest of the ceiling after an attempt for its retry', async () => {
    const user = 'retrier';
    const { id } = await bench.submit({ user });
    const failed = { outcome: { status: 'failed', code: 'cli_crashed', detail: '' } } as const;
    await bench.settle(await bench.claim(), { ...failed, ...spend(300_000) });
    expect(await read(user)).toMatchObject({ spentMicros: 300_000, reservedMicros: 700_000 });
    await bench.endWait();
    await bench.settle(await bench.claim(), spend(900_000));
    expect(await read(user)).toMatchObject({ spentMicros: 1_200_000, reservedMicros: 0 });
    const { rows } = await sql<{ sum: number }>`
      select sum(cost_micros)::bigint as sum from longhaul.ledger_entries where run_id = ${id}`.execute(
      bench.database.sql,
    );
    expect(Number(rows[0]?.sum)).toBe(1_200_000);
  });

  it('lets a run wait if configured, and begins it when the budget is raised', async () => {
    const team = 'research';
    const runs = [];
    for (let user = 0; user < 6; user++) runs.push(await bench.submit({ user: `researcher-${user}`, team }));
    expect(runs.map(({ status, waitingFor }) => waitingFor ?? status)).toEqual([
      ...Array.from({ length: 5 }, () => 'queued'),
      'budget',
    ]);
    const last = runs.at(-1)!;
    expect((await bench.events(last.id)).map(({ type }) => type)).toEqual(['run.queued', 'run.waiting']);
    expect(await bench.depth()).toMatchObject({ waiting: 5, delayed: 1 });
    // Claimed before there is room, it continues to wait without an event, and no attempt is counted.
    await bench.endWait();
    const claims = await bench.claimUpTo(10);
    expect(claims.map(({ run }) => run.id)).not.toContain(last.id);
    expect(claims).toHaveLength(5);

    expect(await changeBudget(bench, { scope: 'team', key: team, dayMicros: 6_000_000 })).toBe(1);
    const claimed = await bench.claim();
    expect(claimed.run).toMatchObject({ id: last.id, attempt: 1, waitingFor: null });
    expect((await bench.events(last.id)).map(({ seq, type }) => [seq, type])).toEqual([
      [1, 'run.queued'],
      [2, 'run.waiting'],
      [3, 'run.queued'],
      [4, 'run.started'],
    ]);
    for (const one of [...claims, claimed]) await bench.settle(one, spend(10));
    expect(await read(team)).toMatchObject({
      spentMicros: 60,
      reservedMicros: 0,
      capMicros: 6_000_000,
      isChanged: true,
    });
    await changeBudget(bench, { scope: 'team', key: team, dayMicros: null });
    expect(await read(team)).toMatchObject({ capMicros: 5_000_000, isChanged: false });
  });

  it('begins a waiting run as soon as others have released enough', async () => {
    const team = 'refund';
    const runs = [];
    for (let user = 0; user < 7; user++) runs.push(await bench.submit({ user: `${team}-${user}`, team }));
    expect(runs.map(({ status }) => status).slice(5)).toEqual(['waiting', 'waiting']);
    const claims = await bench.claimUpTo(10);
    expect(claims).toHaveLength(5);
    await bench.settle(claims[0]!, spend(1));
    // Not enough for the next one, which continues to wait.
    expect(await bench.claimUpTo(10)).toEqual([]);
    await cancelRun(bench, runs[1]!.id);
    await bench.settle(claims[1]!, { outcome: { status: 'cancelled' }, ...spend(0) });
    const next = await bench.claimUpTo(10);
    expect(next.map(({ run }) => run.id)).toEqual([runs[5]!.id]);
    for (const claimed of [...claims.slice(2), ...next]) await bench.settle(claimed, spend(0));
    const last = await bench.claimUpTo(10);
    expect(last.map(({ run }) => run.id)).toEqual([runs[6]!.id]);
    await bench.settle(last[0]!, spend(0));
  });

  it('begins no run without a budget, whatever else it waited for meanwhile', async () => {
    const user = 'detour';
    bench.configure({
      limits: { perUser: { usdPerDay: 1, whenReached: 'wait', concurrent: 1, runsPerMinute: false } },
      timeZone: 'Pacific/Auckland',
    });
    const first = await bench.submit({ user });
    const second = await bench.submit({ user });
    const third = await bench.submit({ user });
    expect([first, second, third].map(({ status }) => status)).toEqual(['queued', 'waiting', 'waiting']);
    const claimed = await bench.claim();
    // When tried too soon, the first is held by the gate and the second by a provider limit.
    await wakeRuns(bench, { waitingFor: 'budget', userKey: user });
    const until = new Date(Date.now() + 60_000);
    let asked = 0;
    const findProviderLimit = async () => (asked++ === 0 ? until : null);
    expect(await bench.claimUpTo(5, { findProviderLimit })).toEqual([]);
    await bench.settle(claimed, spend(1_000_000));
    await wakeRuns(bench, { waitingFor: 'provider_limit', userKey: user });
    for (let look = 0; look < 3; look++) expect(await bench.claimUpTo(5)).toEqual([]);
    expect((await runsOf(user)).map(({ waitingFor }) => waitingFor)).toEqual(['budget', 'budget', null]);
    expect(await read(user)).toMatchObject({ spentMicros: 1_000_000, reservedMicros: 0 });
    for (const { id } of await runsOf(user)) await cancelRun(bench, id);
    bench.configure({ limits, timeZone: 'Pacific/Auckland' });
  });

  it('applies a budget that is set later to runs that are already queued', async () => {
    const user = 'braked';
    bench.configure({ limits: { perUser: { runsPerMinute: false } }, timeZone: 'Pacific/Auckland' });
    for (let count = 0; count < 3; count++) await bench.submit({ user });
    await changeBudget(bench, { scope: 'user', key: user, dayMicros: 1_000_000 });
    const claims = [...(await bench.claimUpTo(5)), ...(await bench.claimUpTo(5)), ...(await bench.claimUpTo(5))];
    expect(claims).toHaveLength(1);
    for (const claimed of claims) await bench.settle(claimed, spend(1_000_000));
    for (const { id } of await runsOf(user)) await cancelRun(bench, id);
    await changeBudget(bench, { scope: 'user', key: user, dayMicros: null });
    bench.configure({ limits, timeZone: 'Pacific/Auckland' });
  });

  it("counts a run that begins on a later day towards that day's budget, and lets it wait when that has no room", async () => {
    const user = 'sleeper';
    const runs = [await bench.submit({ user }), await bench.submit({ user }), await bench.submit({ user })];
    await passAYear();
    expect(await read(user)).toBeUndefined();
    const first = await bench.claim();
    expect(first.run.id).toBe(runs[0]!.id);
    expect(await read(user)).toMatchObject({ reservedMicros: 1_000_000 });
    await bench.settle(first, spend(2_500_000));
    expect(await read(user)).toMatchObject({ spentMicros: 2_500_000, reservedMicros: 0 });
    for (let look = 0; look < 3; look++) expect(await bench.claimUpTo(5)).toEqual([]);
    expect((await runsOf(user)).map(({ waitingFor }) => waitingFor)).toEqual(['budget', 'budget', null]);
    // The day after there is room again.
    await passAYear();
    await bench.endWait();
    // Each claim begins a single run: a transaction moves the money of one run only.
    const rest = [...(await bench.claimUpTo(5)), ...(await bench.claimUpTo(5))];
    expect(rest).toHaveLength(2);
    for (const claimed of rest) await bench.settle(claimed, spend(0));
    const { rows } = await sql`select 1 from longhaul.budget_accounts where reserved_micros <> 0`.execute(
      bench.database.sql,
    );
    expect(rows).toEqual([]);
  });

  it("has spent the ledger's total in every account", async () => {
    const { rows } = await sql<{ spent: number; booked: number }>`
      select (select sum(spent_micros) from longhaul.budget_accounts where scope = 'global' and period = 'month')::bigint as spent,
             (select sum(cost_micros) from longhaul.ledger_entries)::bigint as booked`.execute(bench.database.sql);
    expect(Number(rows[0]?.spent)).toBe(Number(rows[0]?.booked));
  });
});
