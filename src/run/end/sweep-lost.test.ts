import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import type { NewEvent } from '../../core/events.ts';
import { createId } from '../../core/ids.ts';
import type { Database } from '../../db/database.ts';
import { askPerson } from '../approvals/approval.fixture.ts';
import { decideApproval } from '../approvals/decide-approval.ts';
import { recordEvents } from '../log/append-events.ts';
import { cancelRun } from '../cancel.ts';
import { noteSurvival } from '../claim/losses.ts';
import { findRun } from '../read/read-runs.ts';
import { SEES_ALL } from '../viewer.ts';
import { recordMetered } from '../money/record-metered.ts';
import { renewLeases } from '../claim/renew-leases.ts';
import { createRunBench, settlement, usage, type RunBench } from '../run.fixture.ts';

describe.each(DATABASE_KINDS)('a lost attempt on the %s database', (kind) => {
  let bench: RunBench;
  let database: Database;

  beforeAll(async () => {
    bench = await createRunBench(kind);
    ({ database } = bench);
  });

  afterAll(() => bench.remove());

  const submit: RunBench['submit'] = (changes) => bench.submit(changes);
  const claim = () => bench.claim();
  const events = (runId: string) => bench.events(runId);
  const settle: RunBench['settle'] = (claimed, changes) => bench.settle(claimed, changes);
  const sweep = () => bench.sweep();
  const waiting = async () => (await bench.depth()).waiting;

  it('ends even if a provider has given a model a name that cannot be stored', async () => {
    await submit();
    const claimed = await claim();
    const models = { 'evil\u0000m': { ...usage, costUsd: 0.0005 }, ['lone\ud800']: { ...usage, costUsd: 0 } };
    await recordMetered(database, { lease: claimed.lease, metered: { costMicros: 500, models } });
    await bench.expireLease(claimed.run.id);
    const [lost] = await sweep();
    expect(lost).toMatchObject({ id: claimed.run.id, status: 'queued', costUsd: 0.0005 });
    await cancelRun(bench, claimed.run.id);
  });

  it('reads the turns and tools of a lost attempt from its log', async () => {
    const run = await submit();
    const claimed = await claim();
    const model = 'm';
    const batch: NewEvent[] = [
      { type: 'agent.usage', data: { ...usage, model } },
      { type: 'agent.tool_use', data: { toolUseId: '1', name: 'Bash', input: {} } },
      { type: 'agent.tool_use', data: { toolUseId: '2', name: 'Task', input: {} } },
      { type: 'agent.usage', data: { ...usage, model, parentToolUseId: '2' } },
      { type: 'agent.tool_use', data: { toolUseId: '3', name: 'Bash', input: {} } },
      { type: 'agent.permission_denied', data: { toolUseId: '1', name: 'Bash', message: 'by a hook' } },
      // Claude Code may report it as well.
      { type: 'agent.permission_denied', data: { toolUseId: '1', name: 'Bash', message: 'not allowed' } },
      { type: 'agent.permission_denied', data: { toolUseId: '3', name: 'Bash', message: 'by a person' } },
      { type: 'agent.usage', data: { ...usage, model } },
    ];
    await recordEvents(database, { runId: run.id, attempt: 1, events: batch, lease: claimed.lease, lastSeq: 2 });
    await bench.expireLease(run.id);
    expect(await sweep()).toMatchObject([
      { id: run.id, turns: 2, toolUses: { Bash: 2, Task: 1 }, deniedToolUses: { Bash: 2 } },
    ]);
    await sql`update longhaul.attempts set started_at = now() - interval '40 days' where run_id = ${run.id}`.execute(
      database.sql,
    );
    await claim();
    await sql`update longhaul.attempts set started_at = now() - interval '40 days' where run_id = ${run.id}`.execute(
      database.sql,
    );
    await bench.expireLease(run.id);
    expect((await sweep())[0]?.durationMs).toBeGreaterThan(40 * 24 * 3_600_000 - 1);
    await cancelRun(bench, run.id);
  });

  it('settles a lost run once, with the metered cost, and rejects every late write of the worker', async () => {
    const run = await submit();
    const claimed = await claim();
    await recordMetered(database, { lease: claimed.lease, metered: settlement.metered });
    expect(await sweep()).toEqual([]);
    await bench.expireLease(run.id);
    const swept = await Promise.all([sweep(), sweep()]);
    expect(swept.flat()).toMatchObject([{ id: run.id, status: 'queued', costUsd: 0.0006, error: null }]);

    const late: NewEvent[] = [{ type: 'agent.text', data: { text: 'late', blockId: '1' } }];
    expect(
      await recordEvents(database, { runId: run.id, attempt: 1, events: late, lease: claimed.lease, lastSeq: 2 }),
    ).toBe(false);
    expect(await recordMetered(database, { lease: claimed.lease, metered: settlement.metered })).toBe(false);
    expect(await renewLeases(database, [claimed.lease])).toEqual([]);
    expect(await settle(claimed)).toBeNull();
    const log = await events(run.id);
    expect(log.map(({ type }) => type)).toEqual(['run.queued', 'run.started', 'run.retrying']);
    expect(log[2]?.data).toMatchObject({ error: { code: 'worker_lost' }, delaySeconds: 0 });
    expect(await waiting()).toBe(1);
    await settle(await claim());
  });

  it('does not count an attempt that was lost before it had done anything, but not forever', async () => {
    const run = await submit();
    const seen = [];
    for (let status = 'queued'; status === 'queued';) {
      const claimed = await claim();
      await bench.expireLease(run.id);
      const [swept] = await sweep();
      await noteSurvival(database, claimed.lease);
      seen.push(swept?.maxAttempts);
      status = swept?.status ?? 'gone';
    }
    expect(seen).toEqual([4, 5, 5, 5, 5]);
    expect(await findRun(database, { runId: run.id, viewer: SEES_ALL })).toMatchObject({
      status: 'failed',
      error: { code: 'worker_lost' },
    });
  });

  describe('a run that takes its workers down', () => {
    /** Claims up to `limit` runs for a worker that goes away with them. */
    const lose = async (limit = 1) => {
      const claims = await bench.claimUpTo(limit, { workerId: createId() });
      for (const { run } of claims) await bench.expireLease(run.id);
      const swept = await sweep();
      return claims.map(({ run }) => swept.find(({ id }) => id === run.id));
    };

    it('is given to a second one, and never to a third', async () => {
      const run = await submit();
      expect(await lose()).toMatchObject([{ id: run.id, status: 'queued' }]);
      expect(await lose()).toMatchObject([
        { id: run.id, status: 'failed', error: { code: 'poison_run', retryable: false } },
      ]);
      expect(await bench.claimUpTo(4)).toEqual([]);
      expect((await events(run.id)).at(-1)).toMatchObject({
        type: 'run.failed',
        data: { error: { code: 'poison_run' } },
      });
    });

    it('is recognized also when each of its attempts had a question for a person', async () => {
      const run = await submit();
      const [first] = await bench.claimUpTo(1, { workerId: createId() });
      const asked = await askPerson(database, { claimed: first! });
      await bench.expireLease(run.id);
      expect(await sweep()).toMatchObject([{ id: run.id, status: 'waiting', maxAttempts: run.maxAttempts + 1 }]);
      const decision = { status: 'denied', updatedInput: null, reason: null } as const;
      await decideApproval(bench, { id: asked.id, viewer: SEES_ALL, actor: 'ann', decision });

      const [second] = await bench.claimUpTo(1, { workerId: createId() });
      await askPerson(database, { claimed: second!, toolUseId: 'toolu_2' });
      await bench.expireLease(run.id);
      expect(await sweep()).toMatchObject([{ id: run.id, status: 'failed', error: { code: 'poison_run' } }]);
    });

    it('is not suspected when a worker was only cut off from the database', async () => {
      const run = await submit();
      const claimed = await claim();
      await bench.expireLease(run.id);
      await noteSurvival(database, claimed.lease);
      await sweep();
      expect(await lose()).toMatchObject([{ id: run.id, status: 'queued' }]);
      expect(await lose()).toMatchObject([{ id: run.id, status: 'failed', error: { code: 'poison_run' } }]);
    });

    it('is not suspected when its worker was draining and was killed before it had finished', async () => {
      const run = await submit();
      const leaving = createId();
      await database.sql
        .insertInto('longhaul.workers')
        .values({ id: leaving, host: 'x', pid: 1, version: '1', slots: 1, drain_requested_at: new Date() })
        .execute();
      await bench.claimUpTo(1, { workerId: leaving });
      await bench.expireLease(run.id);
      expect(await sweep()).toMatchObject([{ id: run.id, status: 'queued' }]);
      expect(await lose()).toMatchObject([{ id: run.id, status: 'queued' }]);
      expect(await lose()).toMatchObject([{ id: run.id, status: 'failed', error: { code: 'poison_run' } }]);
    });

    it('is distinguished from the runs beside it: each is tried once more, apart from the others', async () => {
      const runs = [await submit(), await submit({ user: 'bob' }), await submit({ user: 'cy' })];
      await lose(3);
      expect(await lose(3)).toMatchObject([{ status: 'queued' }, { status: 'queued' }, { status: 'queued' }]);

      const workerId = createId();
      const [first, ...others] = await bench.claimUpTo(3, { workerId });
      expect(others).toEqual([]);
      const [second] = await endWaitAndClaim();
      await bench.expireLease(first!.run.id);
      expect(await sweep()).toMatchObject([{ id: first!.run.id, status: 'failed', error: { code: 'poison_run' } }]);
      expect((await settle(second!))?.status).toBe('succeeded');
      const [third] = await endWaitAndClaim();
      expect((await settle(third!))?.status).toBe('succeeded');
      expect(new Set([first, second, third].map((claimed) => claimed?.run.id))).toEqual(
        new Set(runs.map(({ id }) => id)),
      );
    });

    const endWaitAndClaim = async () => {
      await bench.endWait();
      return bench.claimUpTo(3, { workerId: createId() });
    };
  });

  it('ends a lost run as cancelled when that had been requested', async () => {
    const run = await submit();
    await claim();
    await cancelRun(bench, run.id);
    await bench.expireLease(run.id);
    await sweep();
    expect(await findRun(database, { runId: run.id, viewer: SEES_ALL })).toMatchObject({ status: 'cancelled' });
  });
});
