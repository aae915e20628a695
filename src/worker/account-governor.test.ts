import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { collectLog } from '../core/log.fixture.ts';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { Claim } from '../run/claim/claim.ts';
import { createRunBench, type RunBench } from '../run/run.fixture.ts';
import { createAccountGovernor, type AccountGovernor } from './account-governor.ts';

describe.each(DATABASE_KINDS)("the provider's limits, over workers, on the %s database", (kind) => {
  let bench: RunBench;
  const open: AccountGovernor[] = [];

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });

  afterEach(async () => {
    for (const governor of open.splice(0)) await governor.close();
    await sql`delete from longhaul.provider_limits`.execute(bench.database.sql);
  });

  afterAll(() => bench.remove());

  const start = async (account = 'account') => {
    const { log, lines } = collectLog();
    const agents = new Map([
      ['reader', { model: 'sonnet' }],
      ['writer', { model: 'claude-opus-5-5' }],
    ]);
    const governor = await createAccountGovernor({
      database: bench.database,
      queue: bench.queue,
      agents,
      account,
      log,
    });
    open.push(governor);
    return { governor, lines };
  };
  const limit = (model: string, resetAt: number | null, isAccountWide = false) =>
    ({ model, kind: 'rate_limit', resetAt, message: 'Too many tokens', isAccountWide }) as const;
  const findLimit = (governor: AccountGovernor, agent: string) =>
    bench.database.sql.transaction().execute((trx) => governor.findProviderLimit(trx, agent));
  const pass = () =>
    sql`update longhaul.provider_limits set until = clock_timestamp() - interval '1 second',
      next_probe_at = clock_timestamp() - interval '1 second'`.execute(bench.database.sql);

  it('is known to all workers of the account, for the model that met it, until the named time', async () => {
    const [{ governor: one, lines }, { governor: other }, { governor: stranger }] = [
      await start(),
      await start(),
      await start('other'),
    ];
    expect(await findLimit(other, 'reader')).toBeNull();
    const resetAt = Date.now() + 3_600_000;
    one.onLimit(limit('claude-sonnet-5-5', resetAt));
    await expect.poll(() => other.limitOf('claude-sonnet-5-5-20270101')).not.toBeNull();
    expect(other.limitOf('sonnet')).toMatchObject({ code: 'provider_rate_limit' });
    expect(Math.abs(other.limitOf('sonnet')!.resetAt - resetAt)).toBeLessThan(2_000);
    expect(other.limitOf('claude-opus-5-5')).toBeNull();
    expect(stranger.limitOf('sonnet')).toBeNull();

    const until = await findLimit(other, 'reader');
    expect(until!.getTime()).toBeGreaterThan(resetAt - 2_000);
    expect(await findLimit(other, 'writer')).toBeNull();
    // An answer to an earlier call does not show that the limit has ended.
    one.onAnswer('claude-sonnet-5-5');
    expect(await findLimit(one, 'reader')).not.toBeNull();
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
      { model: 'claude-sonnet-5-5', kind: 'rate_limit' },
    ]);
  });

  it('applies to every model if the whole account has reached its limit', async () => {
    const { governor } = await start();
    governor.onLimit(limit('claude-sonnet-5-5', Date.now() + 60_000, true));
    await expect.poll(() => governor.limitOf('claude-opus-5-5')).not.toBeNull();
    expect(await findLimit(governor, 'writer')).not.toBeNull();
  });

  it('is probed by one run at a time after its end, and ends for all with the first answer', async () => {
    const [{ governor: one }, { governor: other }] = [await start(), await start()];
    const run = await bench.submit();
    one.onLimit(limit('claude-sonnet-5-5', Date.now() + 60_000));
    await expect.poll(() => one.limitOf('sonnet')).not.toBeNull();
    expect(await bench.claimUpTo(1, { findProviderLimit: one.findProviderLimit })).toEqual([]);
    await pass();
    await expect
      .poll(() => [one.limitOf('sonnet'), other.limitOf('sonnet')], { timeout: 15_000 })
      .toEqual([null, null]);
    const tries = await Promise.all([findLimit(one, 'reader'), findLimit(other, 'reader'), findLimit(one, 'reader')]);
    expect(tries.filter((until) => until === null)).toHaveLength(1);

    other.onAnswer('claude-sonnet-5-5');
    await expect.poll(() => findLimit(one, 'reader'), { timeout: 5_000 }).toBeNull();
    expect(await findLimit(one, 'reader')).toBeNull();
    const claims: Claim[] = [];
    await expect
      .poll(async () => claims.push(...(await bench.claimUpTo(1, { findProviderLimit: one.findProviderLimit }))))
      .toBe(1);
    expect(claims[0]?.run.id).toBe(run.id);
    await bench.settle(claims[0]!);
  });

  it('lasts a moment if no time is named, and longer each time it is met again', async () => {
    const { governor } = await start();
    const seconds = async () => {
      const { rows } = await sql<{ left: number }>`
        select extract(epoch from until - clock_timestamp())::float as left from longhaul.provider_limits`.execute(
        bench.database.sql,
      );
      return rows[0]?.left ?? 0;
    };
    const lengths: number[] = [];
    for (let time = 0; time < 4; time++) {
      governor.onLimit(limit('claude-sonnet-5-5', null));
      await expect.poll(seconds).toBeGreaterThan(0);
      lengths.push(await seconds());
      // From calls that were in progress: nothing new.
      governor.onLimit(limit('claude-sonnet-5-5', null));
      await pass();
    }
    expect(lengths.map((length) => Math.ceil(length))).toEqual([1, 2, 4, 8]);
  });
});
