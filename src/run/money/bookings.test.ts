import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { Transaction } from '../../db/database.ts';
import { cancelWithin } from '../cancel.ts';
import type { Claim } from '../claim/claim.ts';
import { closeAttempt } from '../end/settle.ts';
import { createRunBench, settlement, type RunBench } from '../run.fixture.ts';

const limits = { perUser: { runsPerMinute: false as const }, global: { usdPerDay: 1_000 } };

/** The figures of the ledger, its sums and the accounts, in micro-dollars. */
interface Books {
  readonly entries: number;
  readonly summed: number;
  readonly spent: number;
  readonly reserved: number;
  readonly open: number;
}

describe.each(DATABASE_KINDS)('bookings on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind, { limits });
  });
  afterAll(() => bench.remove());

  async function readBooks(): Promise<Books> {
    const { rows } = await sql<Books>`
      select (select coalesce(sum(cost_micros), 0) from longhaul.ledger_entries)::bigint as entries,
             (select coalesce(sum(cost_micros), 0) from longhaul.cost_rollups
               where dimension = 'total' and period = 'day')::bigint as summed,
             (select coalesce(sum(spent_micros), 0) from longhaul.budget_accounts
               where scope = 'global' and period = 'day')::bigint as spent,
             (select coalesce(sum(reserved_micros), 0) from longhaul.budget_accounts
               where scope = 'global' and period = 'day')::bigint as reserved,
             (select count(*) from longhaul.bookings)::bigint as open`.execute(bench.database.sql);
    return rows[0]!;
  }

  /** Ends the attempt of a claim in an open transaction, as `settleAttempt` does before its commit. */
  async function endWithin(trx: Transaction, { lease }: Claim): Promise<void> {
    const run = trx.selectFrom('longhaul.runs').selectAll().where('id', '=', lease.runId);
    const row = await run.forUpdate().executeTakeFirstOrThrow();
    await closeAttempt({ trx, deps: bench, row, settlement });
  }

  async function start(user: string): Promise<Claim> {
    await bench.submit({ user });
    return bench.claim();
  }

  it('books an attempt with its commit, and nothing with a rollback', async () => {
    const claim = await start('ann');
    const before = await readBooks();
    expect(before).toMatchObject({ reserved: 1_000_000, open: 0 });
    const failing = bench.database.sql.transaction().execute(async (trx) => {
      await endWithin(trx, claim);
      throw new Error('the worker is gone');
    });
    await expect(failing).rejects.toThrow('the worker is gone');
    expect(await readBooks()).toEqual(before);
    await bench.settle(claim);
    const { entries, spent } = before;
    expect(await readBooks()).toEqual({
      entries: entries + 600,
      summed: entries + 600,
      spent: spent + 600,
      reserved: 0,
      open: 0,
    });
  });

  it('releases the money of a cancelled run, also when the run is deleted with it', async () => {
    const { id } = await bench.submit({ user: 'bob' });
    await bench.database.sql.transaction().execute(async (trx) => {
      await cancelWithin(trx, bench, { runId: id, actor: 'key:test' });
      await trx.deleteFrom('longhaul.runs').where('id', '=', id).execute();
    });
    expect(await readBooks()).toMatchObject({ reserved: 0, open: 0 });
  });

  it('refuses to commit when the run of an attempt was deleted', async () => {
    const claim = await start('eve');
    const deleting = bench.database.sql.transaction().execute(async (trx) => {
      await endWithin(trx, claim);
      await trx.deleteFrom('longhaul.runs').where('id', '=', claim.lease.runId).execute();
    });
    await expect(deleting).rejects.toThrow(/was deleted/);
    await bench.settle(claim);
    expect(await readBooks()).toMatchObject({ reserved: 0, open: 0 });
  });

  it.runIf(kind === 'postgres')('lets no attempt wait for another whose transaction is open', async () => {
    const before = await readBooks();
    // Of one user, so that they have every sum and account in common.
    const [first, second] = [await start('cleo'), await start('cleo')];
    await bench.database.sql.transaction().execute(async (outer) => {
      await endWithin(outer, first);
      // Its client is on the way: it would wait for this transaction, and this for it.
      await bench.settle(second);
      expect(await readBooks()).toMatchObject({ entries: before.entries + 600, summed: before.entries + 600 });
    });
    expect(await readBooks()).toEqual({
      entries: before.entries + 1_200,
      summed: before.entries + 1_200,
      spent: before.spent + 1_200,
      reserved: 0,
      open: 0,
    });
  });

  it('counts every micro-dollar once when many attempts end at the same time', async () => {
    const before = await readBooks();
    const claims: Claim[] = [];
    for (let index = 0; index < 24; index++) claims.push(await start(`user-${index % 3}`));
    await Promise.all(claims.map((claim) => bench.settle(claim)));
    expect(await readBooks()).toEqual({
      entries: before.entries + 24 * 600,
      summed: before.entries + 24 * 600,
      spent: before.spent + 24 * 600,
      reserved: 0,
      open: 0,
    });
  });
});
