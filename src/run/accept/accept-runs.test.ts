import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { cancelRun } from '../cancel.ts';
import { readMessages } from '../sessions/messages.ts';
import { findRun, listRuns } from '../read/read-runs.ts';
import { createReader, createRunBench, type RunBench } from '../run.fixture.ts';
import { SEES_ALL } from '../viewer.ts';
import { createAcceptRuns } from './accept-runs.ts';
import type { Submission } from './submission.ts';

describe.each(DATABASE_KINDS)('an accepted request on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind, { limits: { perUser: { usdPerDay: 1.5, whenReached: 'wait' } } });
  });
  afterEach(async () => {
    const { runs } = await listRuns(bench.database, { viewer: SEES_ALL, filter: { status: ['queued'] }, limit: 200 });
    for (const { id } of runs) await cancelRun(bench, id);
  });
  afterAll(() => bench.remove());

  const cheap = () => ({ limits: { ...bench.agent.limits, maxBudgetUsd: 0.2 } });
  const submitBatch = async (batch: readonly Partial<Submission>[]) => {
    const acceptRuns = createAcceptRuns(bench);
    return (await acceptRuns({ batch: batch.map((one) => bench.toSubmission(one)), idempotency: null })).runs;
  };

  it.each(['steer', 'interrupt'] as const)(
    'leaves a running run alone when it is a batch, even of a single run whose agent would %s it',
    async (whileBusy) => {
      await bench.submit({ user: whileBusy, ...cheap() });
      const claimed = await bench.claim();
      const session = { id: claimed.run.sessionId, isFork: false };
      const [run] = await submitBatch([{ session, agent: createReader({ whileBusy }), user: whileBusy, ...cheap() }]);
      expect(run!.id).not.toBe(claimed.run.id);
      expect(await readMessages(bench.database, claimed.run.id)).toEqual([]);
      await bench.settle(claimed, { outcome: { status: 'failed', code: 'cli_crashed', detail: '' } });
      expect(await findRun(bench.database, { runId: claimed.run.id, viewer: SEES_ALL })).toMatchObject({
        status: 'queued',
      });
      await cancelRun(bench, claimed.run.id);
    },
  );

  it('queues runs that wait for the money of the queued run it interrupts', async () => {
    const user = 'impatient';
    const first = await bench.submit({ user });
    const waiting = await bench.submit({ user });
    expect([first.status, waiting.status]).toEqual(['queued', 'waiting']);
    const session = { id: first.sessionId, isFork: false };
    const next = await bench.submit({ user, session, agent: createReader({ whileBusy: 'interrupt' }), ...cheap() });
    expect(await findRun(bench.database, { runId: first.id, viewer: SEES_ALL })).toMatchObject({ status: 'cancelled' });
    const claimed = await bench.claimUpTo(5);
    expect(new Set(claimed.map(({ run }) => run.id))).toEqual(new Set([next.id, waiting.id]));
    for (const claim of claimed) await bench.settle(claim);
  });

  it('reserves the money of the queued run that it interrupts', async () => {
    const user = 'hasty';
    const first = await bench.submit({ user });
    const session = { id: first.sessionId, isFork: false };
    const next = await bench.submit({ user, session, agent: createReader({ whileBusy: 'interrupt' }) });
    // Of $1.5, each run takes $1.
    expect(next.status).toBe('queued');
  });
});
