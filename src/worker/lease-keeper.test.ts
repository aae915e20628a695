import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createLog } from '../core/log.ts';
import type { Claim } from '../run/claim/claim.ts';
import { createRunBench, type RunBench } from '../run/run.fixture.ts';
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.ts';

describe.each(DATABASE_KINDS)('the keeper of leases, on the %s database', (kind) => {
  let bench: RunBench;
  let keeper: LeaseKeeper;
  /** Milliseconds that the clocks are ahead of the machine's own. */
  let ahead: { monotonic: number; wall: number };

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterEach(() => keeper.stop());
  afterAll(() => bench.remove());

  const keep = async () => {
    await bench.submit();
    const claim = await bench.claim();
    ahead = { monotonic: 0, wall: 0 };
    keeper = createLeaseKeeper({
      database: bench.database,
      log: createLog('silent'),
      clock: { monotonic: () => performance.now() + ahead.monotonic, wall: () => Date.now() + ahead.wall },
    });
    const said: string[] = [];
    const lost = keeper.keep({ lease: claim.lease, onCancelRequested: () => said.push('cancel') });
    lost.addEventListener('abort', () => said.push('lost'));
    return { claim, said };
  };
  const pass = (ms: number) => {
    ahead = { monotonic: ahead.monotonic + ms, wall: ahead.wall + ms };
  };
  /** Lets the sweep of another worker hand the run on. */
  const loseToAnother = async ({ run }: Claim) => {
    await bench.expireLease(run.id);
    await bench.sweep();
  };
  const hasSurvived = async ({ run }: Claim) => {
    const row = await bench.database.sql
      .selectFrom('longhaul.attempts')
      .select('worker_survived')
      .where('run_id', '=', run.id)
      .where('number', '=', 1)
      .executeTakeFirstOrThrow();
    return row.worker_survived;
  };
  const standing = ({ lease }: Claim) => keeper.standingOf(lease);

  it('asks the database before it gives up a lease when the clock was set forward, and keeps it', async () => {
    const { claim, said } = await keep();
    expect(standing(claim)).toBe('valid');
    ahead.wall = 3_600_000;
    expect(standing(claim)).toBe('doubtful');
    await expect.poll(() => standing(claim)).toBe('valid');
    expect(said).toEqual([]);
    await bench.settle(claim);
  });

  it('does so too when the process stood still, because no other worker may have taken the run', async () => {
    const { claim, said } = await keep();
    ahead = { monotonic: 20_000, wall: 20_000 };
    expect(standing(claim)).toBe('doubtful');
    await expect.poll(() => standing(claim)).toBe('valid');
    expect(said).toEqual([]);
    await bench.settle(claim);
  });

  it('tolerates a clock that is set back', async () => {
    const { claim } = await keep();
    ahead.wall = -3_600_000;
    expect(standing(claim)).toBe('valid');
    await bench.settle(claim);
  });

  it('gives a lease up when the database says that it belongs to another worker', async () => {
    const { claim, said } = await keep();
    await loseToAnother(claim);
    pass(20_000);
    expect(standing(claim)).toBe('doubtful');
    await expect.poll(() => standing(claim)).toBe('lost');
    expect(said).toEqual(['lost']);
    await bench.settle(await bench.claim());
  });

  it.runIf(kind === 'postgres')('gives it up when the database does not answer in time', async () => {
    const { claim, said } = await keep();
    // A lock on the row delays the answer.
    await bench.database.sql.transaction().execute(async (trx) => {
      await trx.selectFrom('longhaul.runs').select('id').where('id', '=', claim.run.id).forUpdate().execute();
      // In steps, as while the event loop runs.
      for (let passed = 0; passed < 11_500; passed += 500) {
        pass(500);
        standing(claim);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(standing(claim)).toBe('doubtful');
      expect(said).toEqual([]);
      pass(2_100);
      expect(standing(claim)).toBe('lost');
      expect(said).toEqual(['lost']);
    });
    await bench.settle(claim);
  });

  describe('when it has lost a lease', () => {
    it('records that the worker survived if the event loop kept running: the database was away, or its clock was set', async () => {
      const { claim, said } = await keep();
      await loseToAnother(claim);
      keeper.giveUp(claim.lease);
      expect(said).toEqual(['lost']);
      await keeper.stop();
      expect(await hasSurvived(claim)).toBe(true);
      await bench.settle(await bench.claim());
    });

    it('records it too after the machine was suspended, which only the wall clock shows', async () => {
      const { claim } = await keep();
      await loseToAnother(claim);
      ahead.wall = 60_000;
      expect(standing(claim)).toBe('doubtful');
      await expect.poll(() => standing(claim)).toBe('lost');
      await keeper.stop();
      expect(await hasSurvived(claim)).toBe(true);
      await bench.settle(await bench.claim());
    });

    it.each([0, 3_600_000])(
      'does not record it if the event loop stood still, because the run may be the cause, also when the clock was set by %i ms',
      async (setBy) => {
        const { claim } = await keep();
        await loseToAnother(claim);
        ahead = { monotonic: 20_000, wall: 20_000 + setBy };
        expect(standing(claim)).toBe('doubtful');
        await expect.poll(() => standing(claim)).toBe('lost');
        await keeper.stop();
        expect(await hasSurvived(claim)).toBe(false);
        await bench.settle(await bench.claim());
      },
    );

    it('treats a standstill as the cause only until the next renewal', async () => {
      const { claim } = await keep();
      pass(20_000);
      await expect.poll(() => standing(claim)).toBe('valid');
      await loseToAnother(claim);
      keeper.giveUp(claim.lease);
      await keeper.stop();
      expect(await hasSurvived(claim)).toBe(true);
      await bench.settle(await bench.claim());
    });
  });
});
