import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { createLog } from '../core/log.ts';
import type { Claim } from '../run/claim.ts';
import { createRunBench, type RunBench } from '../run/run.fixture.ts';
import { createLeaseKeeper, type LeaseKeeper } from './lease-keeper.ts';

describe.each(DATABASE_KINDS)('the keeper of leases, on the %s database', (kind) => {
  let bench: RunBench;
  let keeper: LeaseKeeper;
  /** What the clocks say beyond the machine's own. */
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
    keeper.hold({
      lease: claim.lease,
      onLost: () => said.push('lost'),
      onCancelRequested: () => said.push('cancel'),
    });
    return { claim, said };
  };
  const standing = ({ lease }: Claim) => keeper.standingOf(lease);

  it('asks the database before it gives up a lease when the clock was set forward, and keeps it', async () => {
    const { claim, said } = await keep();
    expect(standing(claim)).toBe('held');
    ahead.wall = 3_600_000;
    expect(standing(claim)).toBe('doubtful');
    await expect.poll(() => standing(claim)).toBe('held');
    expect(said).toEqual([]);
    await bench.settle(claim);
  });

  it('does so too when the process stood still, for nobody may have taken the run up', async () => {
    const { claim, said } = await keep();
    ahead = { monotonic: 20_000, wall: 20_000 };
    expect(standing(claim)).toBe('doubtful');
    await expect.poll(() => standing(claim)).toBe('held');
    expect(said).toEqual([]);
    await bench.settle(claim);
  });

  it('does not mind a clock that is set back', async () => {
    const { claim } = await keep();
    ahead.wall = -3_600_000;
    expect(standing(claim)).toBe('held');
    await bench.settle(claim);
  });

  it('gives a lease up when the database says that it is another one’s by now', async () => {
    const { claim, said } = await keep();
    await bench.expireLease(claim.run.id);
    await bench.sweep();
    ahead = { monotonic: 20_000, wall: 20_000 };
    expect(standing(claim)).toBe('doubtful');
    await expect.poll(() => standing(claim)).toBe('lost');
    expect(said).toEqual(['lost']);
    await bench.settle(await bench.claim());
  });

  it.runIf(kind === 'postgres')('gives it up when the database does not say in time whose it is', async () => {
    const { claim, said } = await keep();
    // Whoever has the row's lock keeps the answer from coming.
    await bench.database.sql.transaction().execute(async (trx) => {
      await trx.selectFrom('longhaul.runs').select('id').where('id', '=', claim.run.id).forUpdate().execute();
      ahead = { monotonic: 11_500, wall: 11_500 };
      expect(standing(claim)).toBe('doubtful');
      expect(said).toEqual([]);
      ahead = { monotonic: 13_600, wall: 13_600 };
      expect(standing(claim)).toBe('lost');
      expect(said).toEqual(['lost']);
    });
    await bench.settle(claim);
  });
});
