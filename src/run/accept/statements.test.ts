import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createRunBench, type RunBench } from '../run.fixture.ts';

/** Round trips to PostgreSQL. A submission waits for each, so another one needs a reason. */
describe('a run', () => {
  let bench: RunBench;
  beforeAll(async () => {
    bench = await createRunBench('postgres', { limits: { perUser: { runsPerMinute: false } } });
    // The first run has to open connections.
    await bench.submit();
    await bench.settle(await bench.claim());
  });
  afterAll(() => bench.remove());
  afterEach(() => vi.restoreAllMocks());

  /** Counts the statements that `work` waits for; the real ones are sent. Nobody waits for notifications after a commit. */
  async function countStatements(work: () => Promise<unknown>): Promise<number> {
    const sent = vi.spyOn(pg.Client.prototype, 'query').mockClear();
    await work();
    const texts = sent.mock.calls.map(([query]) => JSON.stringify(query));
    return texts.filter((text) => !text.includes(`set_config('synchronous_commit', 'off', true), pg_notify`)).length;
  }

  it('is submitted with five statements', async () => {
    expect(await countStatements(() => bench.submit())).toBe(5);
    expect(await countStatements(() => bench.submit({ user: null, metadata: {} }))).toBe(5);
  });

  it('is settled with sixteen statements', async () => {
    const claim = await bench.claim();
    expect(await countStatements(() => bench.settle(claim))).toBe(16);
  });
});
