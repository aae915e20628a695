import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { cancelRun } from '../cancel.ts';
import { wakeOverdue, wakeRuns } from './wake-runs.ts';
import { createReader, createRunBench, type RunBench } from '../run.fixture.ts';
import type { Settlement } from '../end/settle.ts';

const limited = (retryAfterSeconds: number | null): Partial<Settlement> => ({
  outcome: { status: 'failed', code: 'provider_rate_limit', detail: 'too many tokens' },
  retryAfterSeconds,
});

describe.each(DATABASE_KINDS)('a run that meets a provider limit, on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });

  afterAll(() => bench.remove());

  const readWait = async (id: string) => {
    const { rows } = await sql<{ wait: number }>`
      select extract(epoch from start_after - now())::float as wait from longhaul_queue.job where id = ${id}`.execute(
      bench.database.sql,
    );
    return rows[0]!.wait;
  };

  it('waits until the named time, without an attempt and without a slot, however often', async () => {
    const run = await bench.submit();
    for (let time = 1; time <= 5; time++) {
      const claimed = await bench.claim();
      expect(await bench.settle(claimed, limited(7_200))).toMatchObject({
        status: 'waiting',
        waitingFor: 'provider_limit',
        error: null,
      });
      expect(await readWait(run.id)).toBeGreaterThan(7_190);
      // As if that time had passed.
      await sql`update longhaul.runs set parked_at = parked_at - interval '2 hours', started_at = started_at - interval '2 hours'
        where id = ${run.id}`.execute(bench.database.sql);
      await bench.endWait();
    }
    const done = await bench.settle(await bench.claim());
    expect(done).toMatchObject({ status: 'succeeded', attempt: 6, maxAttempts: 8, waitingFor: null });
    const types = (await bench.events(run.id)).map(({ type }) => type);
    expect(types.slice(0, 6)).toEqual([
      'run.queued',
      'run.started',
      'run.waiting',
      'run.queued',
      'run.started',
      'run.waiting',
    ]);
    expect(types).not.toContain('run.retrying');
    expect((await bench.events(run.id)).map(({ seq }) => seq)).toEqual(types.map((_, index) => index + 1));
  });

  it('waits longer and longer if no time is named, until its deadline', async () => {
    const agent = createReader({ retry: { deadlineSeconds: 60 } });
    const run = await bench.submit({ agent });
    const waits: number[] = [];
    for (let status = 'queued'; status !== 'failed';) {
      const settled = await bench.settle(await bench.claim(), limited(null));
      status = settled!.status;
      if (status === 'waiting') waits.push(await readWait(run.id));
      else expect(settled?.error?.code).toBe('deadline_exceeded');
      await sql`update longhaul.runs set started_at = started_at - interval '11 seconds' where id = ${run.id}`.execute(
        bench.database.sql,
      );
      await bench.endWait();
    }
    expect(waits.length).toBeGreaterThanOrEqual(2);
    expect(waits[0]).toBeGreaterThan(9);
    expect(waits[1]).toBeGreaterThan(19);
  });

  it('does not try forever when a moment is named again and again', async () => {
    const run = await bench.submit({ agent: createReader({ retry: { deadlineSeconds: 60 } }) });
    let status = 'queued';
    let attempts = 0;
    while (status !== 'failed' && attempts < 20) {
      status = (await bench.settle(await bench.claim(), limited(0)))!.status;
      attempts += 1;
      if (status === 'waiting') expect(await readWait(run.id)).toBeGreaterThan(9);
      await sql`update longhaul.runs set started_at = started_at - interval '11 seconds' where id = ${run.id}`.execute(
        bench.database.sql,
      );
      await bench.endWait();
    }
    expect(attempts).toBeLessThan(5);
  });

  it('fails at once when its agent has only one attempt', async () => {
    await bench.submit({ agent: createReader({ retry: { maxAttempts: 1 } }) });
    expect(await bench.settle(await bench.claim(), limited(60))).toMatchObject({
      status: 'failed',
      error: { code: 'provider_rate_limit' },
    });
  });

  it('is parked before it begins while the limit is known, and begins at once when the limit has ended', async () => {
    const run = await bench.submit();
    const until = new Date(Date.now() + 3_600_000);
    expect(await bench.claimUpTo(5, { findProviderLimit: async () => until })).toEqual([]);
    expect((await bench.events(run.id)).at(-1)).toMatchObject({
      type: 'run.waiting',
      data: { waitingFor: 'provider_limit', until: until.toISOString() },
    });
    expect(await wakeRuns(bench, { waitingFor: 'provider_limit' })).toBe(1);
    const claimed = await bench.claim();
    expect(claimed.run).toMatchObject({ id: run.id, attempt: 1 });
    await bench.settle(claimed);
  });

  it('is tried again after an hour when no limit is in force any more, though its end was not reported', async () => {
    const run = await bench.submit();
    await bench.settle(await bench.claim(), limited(86_400));
    expect(await wakeOverdue(bench)).toBe(0);
    await sql`update longhaul.runs set parked_at = now() - interval '61 minutes' where id = ${run.id}`.execute(
      bench.database.sql,
    );
    await sql`insert into longhaul.provider_limits (account, model, kind, message, until, next_probe_at)
      values ('a', 'm', 'rate_limit', '', now() + interval '1 minute', now())`.execute(bench.database.sql);
    expect(await wakeOverdue(bench)).toBe(0);
    await sql`delete from longhaul.provider_limits`.execute(bench.database.sql);
    expect(await wakeOverdue(bench)).toBe(1);
    const claimed = await bench.claim();
    expect(claimed.run.id).toBe(run.id);
    await bench.settle(claimed);
  });

  it('can be cancelled while it waits', async () => {
    const run = await bench.submit();
    await bench.settle(await bench.claim(), limited(600));
    expect(await cancelRun(bench, run.id)).toMatchObject({ status: 'cancelled', waitingFor: null });
    expect(await bench.depth()).toMatchObject({ waiting: 0, delayed: 0 });
  });
});
