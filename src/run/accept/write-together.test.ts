import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { LonghaulConfig } from '../../config/schema.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';
import { readRequest } from './run-request.ts';
import type { Submission } from './submission.ts';
import { createAcceptRuns } from './accept-runs.ts';

describe.each(DATABASE_KINDS)('simultaneous submissions on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterEach(async () => {
    await sql`drop trigger if exists fail on longhaul.runs`.execute(bench.database.sql);
  });
  afterAll(() => bench.remove());

  /** A server's way to submit, with its own configuration. */
  const serve = (config: Partial<LonghaulConfig> = {}) => {
    bench.configure(config);
    const acceptRuns = createAcceptRuns({ ...bench, rules: bench.rules });
    return async (changes: Partial<Submission> = {}) => {
      const submission = bench.toSubmission(changes);
      return (await acceptRuns({ submission })).runs[0]!;
    };
  };
  const count = <T>(times: number, make: (index: number) => T) =>
    Array.from({ length: times }, (_, index) => make(index));
  /** Counts the transactions that created the runs: each has one time. */
  async function countTransactions(ids: readonly string[]): Promise<number> {
    const { rows } = await sql`
      select distinct created_at from longhaul.runs where id = any(${[...ids]}::uuid[])`.execute(bench.database.sql);
    return rows.length;
  }

  /** Counts the connections of PostgreSQL that wait for another's lock. */
  async function countWaitingForLocks(): Promise<number> {
    const { rows } = await sql`
      select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
      bench.database.sql,
    );
    return rows.length;
  }

  it('are written together, each as a separate run with its place in the queue and its event', async () => {
    const submit = serve();
    const runs = await Promise.all(count(60, (index) => submit({ user: `u${index % 3}`, prompt: `p${index}` })));
    expect(runs.map(({ prompt }) => prompt)).toEqual(count(60, (index) => `p${index}`));
    expect(new Set(runs.map(({ id }) => id)).size).toBe(60);
    // The first two begin before the others have arrived.
    expect(await countTransactions(runs.map(({ id }) => id))).toBeLessThanOrEqual(4);
    for (const { id } of runs.slice(0, 5))
      expect(await bench.events(id)).toMatchObject([{ seq: 1, type: 'run.queued' }]);
    const claimed = await bench.claimUpTo(60);
    expect(new Set(claimed.map(({ run }) => run.id))).toEqual(new Set(runs.map(({ id }) => id)));
    // The users take turns.
    expect(new Set(claimed.slice(0, 3).map(({ run }) => run.user)).size).toBe(3);
  });

  it('do not accumulate their prompts: long ones share with few', async () => {
    const submit = serve();
    const runs = await Promise.all(count(12, () => submit({ prompt: 'x'.repeat(400_000) })));
    expect(await countTransactions(runs.map(({ id }) => id))).toBeGreaterThanOrEqual(6);
    expect((await bench.claimUpTo(12)).map(({ run }) => run.prompt.length)).toEqual(count(12, () => 400_000));
  });

  it('return the run that their key has created, and do not affect those beside them', async () => {
    const submit = serve();
    const earlier = await submit({ idempotencyKey: 'known' });
    const others = count(20, (index) => submit({ idempotencyKey: `new ${index}` }));
    const repeat = submit({ idempotencyKey: 'known' });
    const twins = [submit({ idempotencyKey: 'twin' }), submit({ idempotencyKey: 'twin' })];
    const refused = expect(submit({ idempotencyKey: 'known', prompt: 'another' })).rejects.toMatchObject({
      code: 'idempotency_mismatch',
    });
    expect((await repeat).id).toBe(earlier.id);
    await refused;
    const [twin, sameTwin] = await Promise.all(twins);
    expect(sameTwin!.id).toBe(twin!.id);
    const made = await Promise.all(others);
    const again = await Promise.all(count(20, (index) => submit({ idempotencyKey: `new ${index}` })));
    expect(again.map(({ id }) => id)).toEqual(made.map(({ id }) => id));
  });

  it('are created once where two servers have the same ones in another order', async () => {
    const [here, there] = [serve(), serve()];
    const keys = count(30, (index) => `both ${index}`);
    const [a, b] = await Promise.all([
      Promise.all(keys.map((idempotencyKey) => here({ idempotencyKey }))),
      Promise.all(keys.toReversed().map((idempotencyKey) => there({ idempotencyKey }))),
    ]);
    expect(b.toReversed().map(({ id }) => id)).toEqual(a.map(({ id }) => id));
  });

  it('are each rejected or accepted as if alone: as many as there is money for', async () => {
    const submit = serve({ limits: { perUser: { usdPerDay: 3 } } });
    const limits = { ...bench.agent.limits, maxBudgetUsd: 1 };
    const submissions = count(12, (index) => submit({ user: index % 2 === 0 ? 'poor' : `rich ${index}`, limits }));
    const settled = await Promise.allSettled(submissions);
    const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason as { code: string }] : []));
    expect(refused.map(({ code }) => code)).toEqual(['user_budget', 'user_budget', 'user_budget']);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(9);
  });

  it.skipIf(kind === 'embedded')('are created one by one when their common connection is cut', async () => {
    const submit = serve();
    const db = bench.database.sql;
    await sql`create or replace function longhaul.fail() returns trigger language plpgsql as $$
      begin perform pg_terminate_backend(pg_backend_pid()); return new; end $$`.execute(db);
    await sql`create trigger fail before insert on longhaul.runs
      for each row when (new.prompt = 'cut') execute function longhaul.fail()`.execute(db);
    const settled = await Promise.allSettled(count(20, (index) => submit({ prompt: index === 10 ? 'cut' : 'whole' })));
    const made = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []));
    expect(settled[10]).toMatchObject({ status: 'rejected' });
    const { rows } = await sql`select id from longhaul.runs where prompt = 'whole'`.execute(db);
    expect([rows.length, new Set(made).size]).toEqual([19, 19]);
  });

  it('are not created again when the outcome of their commit is unknown', async () => {
    const submit = serve();
    const db = bench.database.sql;
    await sql`create or replace function longhaul.fail() returns trigger language plpgsql as $$
      begin raise exception 'the commit failed'; end $$`.execute(db);
    await sql`create constraint trigger fail after insert on longhaul.runs deferrable initially deferred
      for each row when (new.prompt = 'bad') execute function longhaul.fail()`.execute(db);
    const settled = await Promise.allSettled(count(20, (index) => submit({ prompt: index === 10 ? 'bad' : 'good' })));
    const made = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.id] : []));
    // Every run that shared its transaction, and none of those twice.
    expect(made.length).toBeLessThan(19);
    expect(settled[10]).toMatchObject({ status: 'rejected', reason: { message: 'the commit failed' } });
    const { rows } = await sql<{ id: string }>`
      select id from longhaul.runs where prompt = 'good' and status = 'queued'`.execute(db);
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(made));
  });

  // The embedded database has one connection: nothing else proceeds beside a transaction.
  it.skipIf(kind === 'embedded')('do not wait long behind a submission that waits for another’s lock', async () => {
    const submit = serve();
    const holding = await bench.database.sql.startTransaction().execute();
    const request = readRequest({ submission: bench.toSubmission({ idempotencyKey: 'held' }) }).idempotency!;
    await sql`insert into longhaul.idempotency_keys (owner, key, request_hash, run_ids)
      values (${request.owner}, 'held', ${request.hash}, array[]::uuid[])`.execute(holding);
    const held = count(3, (index) => submit({ idempotencyKey: index === 1 ? 'held' : `beside ${index}` }));
    await expect.poll(countWaitingForLocks).toBe(1);
    const others = await Promise.all(count(5, () => submit()));
    expect(new Set(others.map(({ id }) => id)).size).toBe(5);
    await holding.rollback().execute();
    expect(new Set((await Promise.all(held)).map(({ id }) => id)).size).toBe(3);
  });
});
