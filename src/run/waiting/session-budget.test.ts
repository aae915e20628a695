import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createId } from '../../core/ids.ts';
import { decideApproval } from '../approvals/decide-approval.ts';
import { askPerson } from '../approvals/approval.fixture.ts';
import { cancelRun } from '../cancel.ts';
import type { Claim } from '../claim/claim.ts';
import type { Settlement } from '../end/settle.ts';
import { readBudgets } from '../money/read-budgets.ts';
import { recordMetered } from '../money/record-metered.ts';
import { findRun } from '../read/read-runs.ts';
import { createRunBench, settlement, type RunBench } from '../run.fixture.ts';
import { SEES_ALL } from '../viewer.ts';
import { changeSessionBudget } from './change-session-budget.ts';
import { toQueueMessage } from './place-in-line.ts';
import { wakeRuns } from './wake-runs.ts';

const limits = { perUser: { usdPerDay: 2, runsPerMinute: false as const }, global: { usdPerMonth: 100 } };

describe.each(DATABASE_KINDS)('the budget of a session, on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind, { limits, timeZone: 'Pacific/Auckland' });
  });

  afterAll(() => bench.remove());

  const createSession = async (user: string, budgetMicros: number | null) => {
    const id = createId();
    await sql`insert into longhaul.sessions (id, agent, user_id, last_turn, is_managed)
      values (${id}, 'reader', ${user}, 0, true)`.execute(bench.database.sql);
    await sql`insert into longhaul.managed_sessions (id, agent_id, agent_version, agent, environment_id, metadata,
        budget_micros, initial_budget_micros)
      values (${id}, 'agent_config_reader', 1, '{}', 'env_default', '{}', ${budgetMicros}, ${budgetMicros})`.execute(
      bench.database.sql,
    );
    return { user, submit: () => bench.submit({ user, session: { id, isFork: false } }), id };
  };
  const change = ({ id }: { id: string }, budgetMicros: number | null) =>
    bench.database.sql
      .transaction()
      .execute((trx) => changeSessionBudget(trx, { deps: bench, sessionId: id, budgetMicros }));
  const spend = (costMicros: number) => ({ metered: { ...settlement.metered, costMicros }, reported: null });
  const reach = (costMicros: number): Partial<Settlement> => ({
    ...spend(costMicros),
    outcome: { status: 'failed', code: 'max_budget', detail: '' },
  });
  const find = async (id: string) => (await findRun(bench.database, { runId: id, viewer: SEES_ALL }))!;
  const readMoney = async (scope: 'user' | 'global', key: string) =>
    (await readBudgets(bench.database, { viewer: SEES_ALL, rules: bench.rules, scope, key, limit: 50 })).find(
      ({ period }) => period === (scope === 'user' ? 'day' : 'month'),
    );
  const claimOf = async ({ id }: { id: string }): Promise<Claim> => {
    const claimed = await bench.claim();
    expect(claimed.run.id).toBe(id);
    return claimed;
  };

  it('parks a run that reaches it, whatever wakes other runs, and continues it with what a higher budget leaves', async () => {
    const session = await createSession('parked', 500_000);
    const run = await session.submit();
    expect(run).toMatchObject({ limits: { maxBudgetUsd: 0.5 }, isBoundBySession: true });
    expect(await readMoney('user', 'parked')).toMatchObject({ reservedMicros: 500_000 });
    const parked = await bench.settle(await claimOf(run), reach(500_100));
    expect(parked).toMatchObject({ status: 'waiting', waitingFor: 'budget', error: null, costUsd: 0.5001 });
    expect((await bench.events(run.id)).at(-1)).toMatchObject({
      type: 'run.waiting',
      data: { waitingFor: 'budget', scope: 'session', costUsd: 0.5001 },
    });
    expect(await readMoney('user', 'parked')).toMatchObject({ spentMicros: 500_100, reservedMicros: 0 });
    expect(await bench.depth()).toMatchObject({ waiting: 0, delayed: 0 });

    expect(await wakeRuns(bench, { waitingFor: 'budget' })).toBe(0);
    expect(await wakeRuns(bench, { waitingFor: 'budget', userKey: 'parked' })).toBe(0);
    // A message on its way from a time at which the run waited for something else.
    const place = { id: run.id, queue: 'reader', priority: 0, fair_rank: 0 };
    await bench.database.sql.transaction().execute((trx) => bench.queue.requeue(trx, toQueueMessage(place)));
    await bench.endWait();
    expect(await bench.claimUpTo(5)).toEqual([]);
    expect(await bench.depth()).toMatchObject({ waiting: 0, delayed: 0 });

    await change(session, 800_000);
    expect(await readMoney('user', 'parked')).toMatchObject({ spentMicros: 500_100, reservedMicros: 299_900 });
    const again = await claimOf(run);
    expect(again.run).toMatchObject({ attempt: 2, limits: { maxBudgetUsd: 0.8 } });
    expect((await bench.events(run.id)).slice(-2)).toMatchObject([
      { type: 'run.queued', data: { reason: 'resumed' } },
      { type: 'run.started' },
    ]);
    const done = await bench.settle(again, spend(100_000));
    // The attempt that reached the budget has not used up one of the attempts.
    expect(done).toMatchObject({ status: 'succeeded', costUsd: 0.6001, maxAttempts: run.maxAttempts + 1 });
    expect(await readMoney('user', 'parked')).toMatchObject({ spentMicros: 600_100, reservedMicros: 0 });
  });

  it('leaves to each run what the runs before it have left, which is known when it begins', async () => {
    const session = await createSession('chain', 600_000);
    const runs = [await session.submit(), await session.submit(), await session.submit()];
    expect(await readMoney('user', 'chain')).toMatchObject({ reservedMicros: 1_800_000 });
    await bench.settle(await claimOf(runs[0]!), spend(400_000));
    const second = await claimOf(runs[1]!);
    expect(second.run.limits.maxBudgetUsd).toBe(0.2);
    expect(second.run.isBoundBySession).toBe(true);
    await bench.settle(second, spend(200_000));
    expect(await find(runs[1]!.id)).toMatchObject({ status: 'succeeded', isAtCeiling: true });
    expect(await bench.claimUpTo(5)).toEqual([]);
    expect(await find(runs[2]!.id)).toMatchObject({ status: 'waiting', waitingFor: 'budget', attempt: 0 });
    expect((await bench.events(runs[2]!.id)).map(({ type }) => type)).toEqual(['run.queued', 'run.waiting']);
    expect(await readMoney('user', 'chain')).toMatchObject({ spentMicros: 600_000, reservedMicros: 0 });
    await change(session, null);
    const third = await claimOf(runs[2]!);
    expect(third.run).toMatchObject({ attempt: 1, limits: { maxBudgetUsd: 1 }, isBoundBySession: false });
    await bench.settle(third, spend(1));
  });

  it("fails a run at its own ceiling while the session has money left, and succeeds at the session's if it is whole", async () => {
    const session = await createSession('own', 1_500_000);
    const failing = await session.submit();
    expect(await bench.settle(await claimOf(failing), reach(1_000_000))).toMatchObject({
      status: 'failed',
      error: { code: 'max_budget' },
    });
    const whole = await session.submit();
    expect(await bench.settle(await claimOf(whole), spend(500_000))).toMatchObject({
      status: 'succeeded',
      isAtCeiling: true,
    });
  });

  it('continues a run at once whose budget was raised or removed meanwhile, and cancels it on request', async () => {
    const session = await createSession('raised', 300_000);
    const run = await session.submit();
    const first = await claimOf(run);
    await change(session, 500_000);
    expect(await bench.settle(first, reach(300_000))).toMatchObject({
      status: 'queued',
      limits: { maxBudgetUsd: 0.5 },
    });
    const second = await claimOf(run);
    expect(await readMoney('user', 'raised')).toMatchObject({ spentMicros: 300_000, reservedMicros: 200_000 });
    await change(session, null);
    expect(await bench.settle(second, reach(200_000))).toMatchObject({ status: 'queued', limits: { maxBudgetUsd: 1 } });
    const third = await claimOf(run);
    expect(await readMoney('user', 'raised')).toMatchObject({ spentMicros: 500_000, reservedMicros: 500_000 });
    await bench.settle(third, spend(0));

    const other = await createSession('raised', 100_000);
    const ending = await other.submit();
    const claimed = await claimOf(ending);
    await cancelRun(bench, ending.id);
    expect(await bench.settle(claimed, reach(100_000))).toMatchObject({ status: 'cancelled' });
  });

  it('never takes more than the budgets of the user and of all have', async () => {
    const [one, two] = [await createSession('tight', 400_000), await createSession('tight', 2_000_000)];
    const run = await one.submit();
    await bench.settle(await claimOf(run), reach(400_000));
    // Takes $1 of the $1.60 that are left to the user.
    const other = await two.submit();
    const taken = await claimOf(other);
    const all = (await readMoney('global', ''))!;
    // The run may spend another $0.60 by its own limit: exactly what is left.
    await change(one, 3_000_000);
    expect(await readMoney('user', 'tight')).toMatchObject({ spentMicros: 400_000, reservedMicros: 1_600_000 });
    expect((await readMoney('global', ''))!.reservedMicros - all.reservedMicros).toBe(600_000);
    await expect(bench.submit({ user: 'tight' })).rejects.toMatchObject({ code: 'user_budget' });
    const resumed = await claimOf(run);
    await bench.settle(resumed, spend(600_000));
    await bench.settle(taken, spend(1_000_000));
    expect(await readMoney('user', 'tight')).toMatchObject({ spentMicros: 2_000_000, reservedMicros: 0 });
  });

  it("lets a run whose session's budget was raised wait for its user's budget, until another run releases enough", async () => {
    const session = await createSession('full', 400_000);
    const run = await session.submit();
    await bench.settle(await claimOf(run), reach(400_000));
    const others = [await bench.submit({ user: 'full' })];
    const claimed = await claimOf(others[0]!);
    others.push(await bench.submit({ user: 'full', limits: { ...bench.agent.limits, maxBudgetUsd: 0.3 } }));
    const small = await claimOf(others[1]!);
    await change(session, 2_000_000);
    expect(await bench.claimUpTo(5)).toEqual([]);
    expect(await find(run.id)).toMatchObject({ status: 'waiting', waitingFor: 'budget' });
    expect((await bench.events(run.id)).at(-1)!.data).toMatchObject({ until: expect.any(String) });
    expect(await readMoney('user', 'full')).toMatchObject({ spentMicros: 400_000, reservedMicros: 1_300_000 });
    await bench.settle(small, spend(0));
    const again = await claimOf(run);
    expect(await readMoney('user', 'full')).toMatchObject({ spentMicros: 400_000, reservedMicros: 1_600_000 });
    await bench.settle(again, spend(0));
    await bench.settle(claimed, spend(0));
  });

  it('wakes a run that waits for the money that a run of a spent session has reserved', async () => {
    bench.configure({
      limits: { perUser: { usdPerDay: 2, whenReached: 'wait', runsPerMinute: false } },
      timeZone: 'Pacific/Auckland',
    });
    const session = await createSession('waker', 900_000);
    const first = await session.submit();
    const second = await session.submit();
    const waiting = await bench.submit({ user: 'waker' });
    expect(waiting.waitingFor).toBe('budget');
    await bench.settle(await claimOf(first), spend(900_000));
    // The end of the first releases too little; the claim of the second releases the rest.
    const claims = [...(await bench.claimUpTo(5)), ...(await bench.claimUpTo(5)), ...(await bench.claimUpTo(5))];
    expect(claims.map(({ run }) => run.id)).toEqual([waiting.id]);
    expect(await find(second.id)).toMatchObject({ status: 'waiting', waitingFor: 'budget', attempt: 0 });
    await bench.settle(claims[0]!, spend(0));
    expect(await cancelRun(bench, second.id)).toMatchObject({ status: 'cancelled', waitingFor: null });
    bench.configure({ limits, timeZone: 'Pacific/Auckland' });
  });

  it('waits for a person first, and for money after the decision', async () => {
    const session = await createSession('asker', 200_000);
    const run = await session.submit();
    const claimed = await claimOf(run);
    const approval = await askPerson(bench.database, { claimed });
    expect(await bench.settle(claimed, reach(200_000))).toMatchObject({ status: 'waiting', waitingFor: 'approval' });
    const decision = { status: 'allowed', updatedInput: null, reason: null } as const;
    await decideApproval(bench, { id: approval.id, viewer: SEES_ALL, actor: 'key:test', decision });
    expect(await bench.claimUpTo(5)).toEqual([]);
    expect(await find(run.id)).toMatchObject({ status: 'waiting', waitingFor: 'budget', attempt: 1 });
    await cancelRun(bench, run.id);
  });

  it('keeps the money right when a worker dies after its run has reached it', async () => {
    const session = await createSession('killed', 200_000);
    const run = await session.submit();
    const claimed = await claimOf(run);
    await recordMetered(bench.database, {
      lease: claimed.lease,
      metered: { ...settlement.metered, costMicros: 200_500 },
    });
    await bench.expireLease(run.id);
    expect(await bench.sweep()).toMatchObject([{ id: run.id, status: 'queued' }]);
    await bench.endWait();
    expect(await bench.claimUpTo(5)).toEqual([]);
    expect(await find(run.id)).toMatchObject({ status: 'waiting', waitingFor: 'budget', costUsd: 0.2005 });
    expect(await readMoney('user', 'killed')).toMatchObject({ spentMicros: 200_500, reservedMicros: 0 });
    await cancelRun(bench, run.id);
  });
});
