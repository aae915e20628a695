import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BACKENDS, openBackend, openLists, type SuiteDatabase } from './conformance.fixture.ts';
import { createLists } from './list-notifier.fixture.ts';

describe('a worker whose backend for wake-ups is away', () => {
  const lists = createLists();
  let suite: SuiteDatabase;
  beforeAll(async () => {
    suite = await openBackend({ ...BACKENDS[0]!, open: () => openLists(lists) }, ['reader']);
  });
  afterAll(() => suite.close());

  it('gets a run within about 2 s, and at once when the backend is back', async () => {
    const worker = await suite.startWorker(['reader']);
    const first = await suite.submit('reader');
    expect(await worker.next()).toBe(first);

    lists.isAway = true;
    // The first of them may meet the check of the start.
    for (let index = 0; index < 3; index++) {
      const submittedAt = performance.now();
      const runId = await suite.submit('reader');
      expect(await worker.next()).toBe(runId);
      expect(performance.now() - submittedAt).toBeLessThan(4_500);
    }

    lists.isAway = false;
    const startedAt = performance.now();
    const third = await suite.submit('reader');
    expect(await worker.next()).toBe(third);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
