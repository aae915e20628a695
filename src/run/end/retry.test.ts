import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { RunErrorCode } from '../../core/errors.ts';
import { cancelRun } from '../cancel.ts';
import { findRun } from '../read/read-runs.ts';
import { SEES_ALL } from '../viewer.ts';
import { readAttempts } from '../read/read-attempts.ts';
import { createReader, createRunBench, type RunBench } from '../run.fixture.ts';

const fail = (code: RunErrorCode, detail = 'secret detail') => ({
  outcome: { status: 'failed', code, detail } as const,
});

describe.each(DATABASE_KINDS)('a failed attempt on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });

  afterAll(() => bench.remove());

  it('is followed by another after its wait, and only the last failure fails the run, once', async () => {
    const run = await bench.submit();
    const waits: number[] = [];
    for (const attempt of [1, 2, 3]) {
      const claimed = await bench.claim();
      expect(claimed.run).toMatchObject({ attempt, maxAttempts: 3 });
      const settled = await bench.settle(claimed, fail('provider_error'));
      expect(settled?.status).toBe(attempt === 3 ? 'failed' : 'queued');
      const { rows } = await sql<{ wait: number }>`
        select extract(epoch from start_after - now())::float as wait from longhaul_queue.job where id = ${run.id}`.execute(
        bench.database.sql,
      );
      if (attempt < 3) waits.push(rows[0]!.wait);
      await bench.endWait();
    }
    expect(waits[0]).toBeGreaterThan(9);
    expect(waits[0]).toBeLessThan(12.1);
    expect(waits[1]).toBeGreaterThan(29);
    expect(waits[1]).toBeLessThan(36.1);

    const log = await bench.events(run.id);
    expect(log.map(({ type, attempt }) => [type, attempt])).toEqual([
      ['run.queued', 0],
      ['run.started', 1],
      ['run.retrying', 1],
      ['run.started', 2],
      ['run.retrying', 2],
      ['run.started', 3],
      ['run.failed', 3],
    ]);
    expect(log[2]?.data).toMatchObject({ error: { code: 'provider_error', retryable: true } });
    expect(JSON.stringify(log)).not.toContain('secret detail');
    expect(await findRun(bench.database, { runId: run.id, viewer: SEES_ALL })).toMatchObject({
      status: 'failed',
      error: { code: 'provider_error' },
      errorDetail: 'secret detail',
      costUsd: 0.0018,
    });
    expect((await bench.depth()).delayed).toBe(0);
  });

  it('is charged like any other: the ledger has both, and the sum is the total spent', async () => {
    const run = await bench.submit();
    await bench.settle(await bench.claim(), { ...fail('cli_crashed'), reported: null });
    await bench.endWait();
    const done = await bench.settle(await bench.claim());
    expect(done).toMatchObject({ status: 'succeeded', attempt: 2, costUsd: 0.0012, turns: 4, error: null });
    const { rows } = await sql`
      select attempt, outcome, cost_micros from longhaul.ledger_entries where run_id = ${run.id} order by attempt`.execute(
      bench.database.sql,
    );
    expect(rows).toEqual([
      { attempt: 1, outcome: 'failed', cost_micros: 600 },
      { attempt: 2, outcome: 'succeeded', cost_micros: 600 },
    ]);
    expect(await readAttempts(bench.database, run.id)).toMatchObject([
      { number: 1, outcome: 'failed', errorCode: 'cli_crashed', errorDetail: 'secret detail' },
      { number: 2, outcome: 'succeeded', errorCode: null, peakMemoryBytes: 180_000_000 },
    ]);
  });

  it('waits as long as the provider asked', async () => {
    const run = await bench.submit();
    await bench.settle(await bench.claim(), { ...fail('provider_error'), retryAfterSeconds: 90 });
    const retrying = (await bench.events(run.id)).at(-1);
    expect(retrying).toMatchObject({ type: 'run.retrying' });
    expect(retrying?.data).toHaveProperty('delaySeconds');
    expect((retrying!.data as { delaySeconds: number }).delaySeconds).toBeGreaterThanOrEqual(90);
    await cancelRun(bench, run.id);
  });

  it('ends the run at once when a retry cannot help', async () => {
    await bench.submit();
    expect(await bench.settle(await bench.claim(), fail('max_turns'))).toMatchObject({
      status: 'failed',
      attempt: 1,
      error: { code: 'max_turns' },
    });
  });

  it('ends the run with the deadline when no other attempt could start within it', async () => {
    const agent = createReader({ retry: { deadlineSeconds: 5 } });
    await bench.submit({ agent });
    expect(await bench.settle(await bench.claim(), fail('provider_error', 'no answer'))).toMatchObject({
      status: 'failed',
      error: { code: 'deadline_exceeded' },
      errorDetail: expect.stringContaining('provider_error: no answer') as string,
    });
  });

  it('does not count an attempt that was handed back', async () => {
    const agent = createReader({ retry: { maxAttempts: 2 } });
    await bench.submit({ agent });
    await bench.settle(await bench.claim(), { outcome: { status: 'handed_back' } });
    expect(await bench.settle(await bench.claim(), fail('cli_crashed'))).toMatchObject({
      status: 'queued',
      attempt: 2,
    });
    await bench.endWait();
    expect(await bench.settle(await bench.claim(), fail('cli_crashed'))).toMatchObject({
      status: 'failed',
      attempt: 3,
    });
  });

  it('counts neither a handed-back attempt nor the time until the next, and keeps the reason', async () => {
    const run = await bench.submit();
    const detail = 'The machine could not execute the attempt: no space left.';
    await bench.settle(await bench.claim(), { outcome: { status: 'handed_back', detail } });
    expect(await readAttempts(bench.database, run.id)).toMatchObject([
      { outcome: 'handed_back', errorCode: null, errorDetail: detail },
    ]);
    // An hour ago by the run's row: longer than all its attempts may take together.
    await sql`update longhaul.runs set started_at = started_at - interval '1 hour', parked_at = parked_at - interval '1 hour'
      where id = ${run.id}`.execute(bench.database.sql);
    expect(await bench.settle(await bench.claim(), fail('cli_crashed'))).toMatchObject({
      status: 'queued',
      attempt: 2,
    });
    await cancelRun(bench, run.id);
  });

  it('is not followed by another when the run is going to be cancelled', async () => {
    const run = await bench.submit();
    const claimed = await bench.claim();
    await cancelRun(bench, run.id);
    expect(await bench.settle(claimed, fail('cli_crashed'))).toMatchObject({ status: 'cancelled', costUsd: 0.0006 });
  });

  it('leaves a run that can be cancelled while it waits for the next attempt', async () => {
    const run = await bench.submit();
    await bench.settle(await bench.claim(), fail('cli_crashed'));
    expect(await cancelRun(bench, run.id)).toMatchObject({ status: 'cancelled', costUsd: 0.0006 });
    expect((await bench.depth()).delayed).toBe(0);
  });
});
