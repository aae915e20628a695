import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { NewEvent } from '../core/events.ts';
import { createId } from '../core/ids.ts';
import type { Database } from '../db/database.ts';
import { migrate } from '../db/migrate.ts';
import type { Queue } from '../queue/queue.ts';
import { recordEvents } from './log/append-events.ts';
import { createAcceptRuns } from './accept/accept-runs.ts';
import { cancelRun } from './cancel.ts';
import { findRun, listRuns } from './read/read-runs.ts';
import { SEES_ALL } from './viewer.ts';
import { removeExpiredRuns } from './remove-expired.ts';
import { recordMetered } from './money/record-metered.ts';
import { renewLeases } from './claim/renew-leases.ts';
import { createRunBench, usage, type RunBench } from './run.fixture.ts';

describe.each(DATABASE_KINDS)('the life of a run on the %s database', (kind) => {
  let bench: RunBench;
  let database: Database;
  let queue: Queue;

  beforeAll(async () => {
    bench = await createRunBench(kind);
    ({ database, queue } = bench);
  });

  afterAll(() => bench.remove());

  const submit: RunBench['submit'] = (changes) => bench.submit(changes);
  const claim = () => bench.claim();
  const events = (runId: string) => bench.events(runId);
  const settle: RunBench['settle'] = (claimed, changes) => bench.settle(claimed, changes);
  const waiting = async () => (await bench.depth()).waiting;

  it('goes from submission through events to its result, with its cost in the ledger', async () => {
    const run = await submit();
    expect(run).toMatchObject({ status: 'queued', agent: 'reader', user: 'ann', metadata: { ticket: 7 }, lastSeq: 1 });

    const claimed = await claim();
    expect(claimed.run).toMatchObject({ id: run.id, status: 'running', attempt: 1 });
    const batch: NewEvent[] = [
      { type: 'agent.text.delta', data: { text: 'a"\u0001\\u0000', blockId: '1' } },
      { type: 'agent.text', data: { text: 'ab 🎉', blockId: '1' } },
    ];
    expect(
      await recordEvents(database, { runId: run.id, attempt: 1, events: batch, lease: claimed.lease, lastSeq: 2 }),
    ).toBe(true);
    const settled = await settle(claimed);

    expect(settled).toMatchObject({
      status: 'succeeded',
      result: 'done',
      costUsd: 0.0006,
      usage,
      turns: 2,
      durationMs: 1_234,
      toolUses: { Read: 3 },
      deniedToolUses: {},
      error: null,
    });
    expect(await findRun(database, { runId: run.id, viewer: SEES_ALL })).toEqual(settled);
    const log = await events(run.id);
    expect(log.map(({ seq, type, attempt }) => [seq, type, attempt])).toEqual([
      [1, 'run.queued', 0],
      [2, 'run.started', 1],
      [3, 'agent.text.delta', 1],
      [4, 'agent.text', 1],
      [5, 'run.succeeded', 1],
    ]);
    expect(log.slice(2, 4).map(({ type, data }) => ({ type, data }))).toEqual(batch);
    expect(log[4]?.data).toEqual({ result: 'done', costUsd: 0.0006, turns: 2, durationMs: 1_234 });
    const ledger = await database.sql
      .selectFrom('longhaul.ledger_entries')
      .selectAll()
      .where('run_id', '=', run.id)
      .execute();
    expect(ledger).toMatchObject([
      { attempt: 1, user_id: 'ann', outcome: 'succeeded', cost_micros: 600, input_tokens: 100 },
    ]);
  });

  it('stores nothing that looks like a key in the details of a failure', async () => {
    // Put together here, so that nothing in this file looks like a key to tools that search files for keys.
    const key = ['ghp', 'a8Zk3LmQ0vXc7RtY2uWn5BdE9hJf1GsK4pTi'].join('_');
    const failed = { status: 'failed', code: 'cli_crashed', detail: `stderr: ${key}`, isFinal: true } as const;
    const run = await submit();
    await settle(await claim(), { outcome: failed, stderrTail: `token ${key}\0` });
    const handedBack = await submit();
    await settle(await claim(), { outcome: { status: 'handed_back', detail: `disk of ${key}` } });
    const { rows } = await sql<{ error_detail: string; stderr_tail: string }>`
      select error_detail, stderr_tail from longhaul.attempts where run_id in (${run.id}, ${handedBack.id}) order by id`.execute(
      database.sql,
    );
    expect(rows).toEqual([
      { error_detail: 'stderr: [masked: github-token]', stderr_tail: 'token [masked: github-token]\uFFFD' },
      { error_detail: 'disk of [masked: github-token]', stderr_tail: '' },
    ]);
    const row = await database.sql
      .selectFrom('longhaul.runs')
      .select('error_detail')
      .where('id', '=', run.id)
      .executeTakeFirstOrThrow();
    expect(row.error_detail).toBe('stderr: [masked: github-token]');
    await cancelRun(bench, handedBack.id);
  });

  it('writes a batch once, however often it is repeated', async () => {
    const run = await submit();
    const claimed = await claim();
    const write = (text: string, lastSeq: number) =>
      recordEvents(database, {
        runId: run.id,
        attempt: 1,
        events: [{ type: 'agent.text', data: { text, blockId: '1' } }],
        lease: claimed.lease,
        lastSeq,
      });
    expect(await write('a', 2)).toBe(true);
    expect(await write('a', 2)).toBe(true);
    expect(await write('b', 3)).toBe(true);
    expect(await write('stray', 2)).toBe(false);
    await settle(claimed);
    expect((await events(run.id)).map(({ seq, type }) => [seq, type])).toEqual([
      [1, 'run.queued'],
      [2, 'run.started'],
      [3, 'agent.text'],
      [4, 'agent.text'],
      [5, 'run.succeeded'],
    ]);
  });

  it('leaves no trace of a submission that fails half-way', async () => {
    const before = (await listRuns(database, { viewer: SEES_ALL, filter: {}, limit: 200 })).runs.length;
    const broken: Queue = { ...queue, enqueueAll: () => Promise.reject(new Error('disk full')) };
    await expect(
      createAcceptRuns({ ...bench, queue: broken })({
        submission: bench.toSubmission({ user: null, idempotencyKey: 'half' }),
      }),
    ).rejects.toThrow('disk full');
    expect((await listRuns(database, { viewer: SEES_ALL, filter: {}, limit: 200 })).runs).toHaveLength(before);
    expect(await waiting()).toBe(0);
  });

  it('returns the same run for the same idempotency key, also at once, and rejects the key with another request', async () => {
    const [first, second] = await Promise.all([submit({ idempotencyKey: 'k1' }), submit({ idempotencyKey: 'k1' })]);
    expect(second.id).toBe(first.id);
    expect(await waiting()).toBe(1);
    await expect(submit({ idempotencyKey: 'k1', prompt: 'other' })).rejects.toMatchObject({
      code: 'idempotency_mismatch',
    });
    expect((await submit({ idempotencyKey: 'k1', createdBy: createId() })).id).not.toBe(first.id);
    await settle(await claim());
    await settle(await claim());
  });

  it('gives one run to one of many workers that claim at once', async () => {
    const run = await submit();
    const claims = await Promise.all(Array.from({ length: 8 }, () => bench.claimUpTo(4, { workerId: createId() })));
    expect(claims.flat().map((claimed) => claimed.run.id)).toEqual([run.id]);
    await settle(claims.flat()[0]!);
  });

  it('claims higher priorities first, and a delayed run not before its time', async () => {
    const low = await submit();
    const delayed = await submit({ startAfter: new Date(Date.now() + 3_600_000), priority: 9 });
    const high = await submit({ priority: 5 });
    const claims = await bench.claimUpTo(10);
    expect(claims.map((claimed) => claimed.run.id).sort()).toEqual([low.id, high.id].sort());
    const single = await submit({ priority: 1 });
    const best = await submit({ priority: 2 });
    const first = await claim();
    expect(first.run.id).toBe(best.id);
    for (const claimed of [...claims, first, await claim()]) await settle(claimed);
    expect((await findRun(database, { runId: single.id, viewer: SEES_ALL }))?.status).toBe('succeeded');
    expect((await cancelRun(bench, delayed.id))?.status).toBe('cancelled');
  });

  it('returns no run of a paused queue until it is resumed', async () => {
    await submit();
    await sql`insert into longhaul.queues (name, paused_at) values ('reader', now())`.execute(database.sql);
    expect(await bench.claimUpTo(1)).toEqual([]);
    await sql`delete from longhaul.queues`.execute(database.sql);
    await settle(await claim());
  });

  it('cancels a queued run at once and removes it from the queue', async () => {
    const run = await submit();
    const cancelled = await cancelRun(bench, run.id);
    expect(cancelled).toMatchObject({ status: 'cancelled', error: { code: 'cancelled' } });
    expect(await waiting()).toBe(0);
    expect((await events(run.id)).map(({ type }) => type)).toEqual(['run.queued', 'run.cancelled']);
    expect(await cancelRun(bench, run.id)).toMatchObject({ status: 'cancelled' });
    expect(await events(run.id)).toHaveLength(2);
  });

  it('cancels and claims at once without waiting for each other', async () => {
    for (let round = 0; round < 15; round++) {
      const runs = await Promise.all([1, 2, 3].map(() => submit()));
      const [claims] = await Promise.all([bench.claimUpTo(3), ...runs.map(({ id }) => cancelRun(bench, id))]);
      for (const claimed of claims) await settle(claimed, { outcome: { status: 'cancelled' } });
      for (const { id } of runs)
        expect((await findRun(database, { runId: id, viewer: SEES_ALL }))?.status).toBe('cancelled');
    }
    expect(await waiting()).toBe(0);
  });

  it('leaves a run of an agent that the worker does not know to another worker', async () => {
    const run = await submit();
    const claimed = await bench.claimUpTo(1, { agents: new Set(['other']) });
    expect(claimed).toEqual([]);
    expect(await bench.depth()).toMatchObject({ waiting: 0, delayed: 1 });
    expect(await findRun(database, { runId: run.id, viewer: SEES_ALL })).toMatchObject({
      status: 'queued',
      attempt: 0,
      startedAt: null,
    });
    await bench.endWait();
    await settle(await claim());
    expect((await events(run.id)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
  });

  it("asks a running run's worker to cancel, by notification and at the next renewal", async () => {
    const run = await submit();
    const claimed = await claim();
    const heard = Promise.withResolvers<string>();
    const stopListening = await database.listen('longhaul_cancel', heard.resolve);
    expect(await renewLeases(database, [claimed.lease])).toEqual([{ runId: run.id, isCancelRequested: false }]);
    await cancelRun(bench, run.id);
    expect(await heard.promise).toBe(run.id);
    expect(await renewLeases(database, [claimed.lease])).toEqual([{ runId: run.id, isCancelRequested: true }]);
    await settle(claimed, { outcome: { status: 'cancelled' } });
    expect(await findRun(database, { runId: run.id, viewer: SEES_ALL })).toMatchObject({
      status: 'cancelled',
      costUsd: 0.0006,
    });
    await stopListening();
  });

  it('queues a handed-back run again, and charges both attempts', async () => {
    const run = await submit();
    await settle(await claim(), { outcome: { status: 'handed_back' } });
    expect(await findRun(database, { runId: run.id, viewer: SEES_ALL })).toMatchObject({
      status: 'queued',
      costUsd: 0.0006,
    });
    const again = await claim();
    expect(again.run).toMatchObject({ id: run.id, attempt: 2 });
    await settle(again);
    expect(await findRun(database, { runId: run.id, viewer: SEES_ALL })).toMatchObject({
      status: 'succeeded',
      costUsd: 0.0012,
      turns: 4,
      toolUses: { Read: 6 },
    });
    const log = await events(run.id);
    expect(log.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  });

  it('accepts any figures, and makes them sound', async () => {
    const wild = (inputTokens: number, costUsd: number) => ({
      costMicros: costUsd * 1_000_000,
      models: { m: { ...usage, inputTokens, costUsd } },
    });
    for (const [given, tokens, costUsd] of [
      [wild(100.5, 0.0000015), 101, 0.000002],
      [wild(1e21, 1e21), 1e12, 1e6],
      [wild(9e15, Infinity), 1e12, 1e6],
      [wild(-5, -1), 0, 0],
      [wild(NaN, NaN), 0, 0],
    ] as const) {
      await submit();
      const claimed = await claim();
      expect(await recordMetered(database, { lease: claimed.lease, metered: given })).toBe(true);
      const run = await settle(claimed, { metered: given, reported: null });
      expect(run).toMatchObject({ status: 'succeeded', costUsd, usage: { inputTokens: tokens } });
      expect(await findRun(database, { runId: claimed.run.id, viewer: SEES_ALL })).toEqual(run);
    }
  });

  it('shows the safe text of a failure in run and event, and the detail only to operators', async () => {
    const run = await submit();
    await settle(await claim(), {
      outcome: { status: 'failed', code: 'provider_auth', detail: 'key sk-ant-\0 refused' },
      reported: null,
    });
    const failed = await findRun(database, { runId: run.id, viewer: SEES_ALL });
    expect(failed).toMatchObject({
      status: 'failed',
      costUsd: 0.0006,
      error: { code: 'provider_auth', retryable: false },
      errorDetail: 'key sk-ant-\uFFFD refused',
    });
    expect(JSON.stringify(await events(run.id))).not.toContain('sk-ant');
  });

  it('pages through runs newest first, by each filter', async () => {
    const runs = [await submit({ user: 'pager' }), await submit({ user: 'pager' }), await submit({ user: 'pager' })];
    const filter = { user: 'pager' };
    const first = await listRuns(database, { viewer: SEES_ALL, filter, limit: 2 });
    expect(first).toMatchObject({ hasMore: true, runs: [{ id: runs[2]!.id }, { id: runs[1]!.id }] });
    const rest = await listRuns(database, { viewer: SEES_ALL, filter, limit: 2, before: runs[1]!.id });
    expect(rest).toMatchObject({ hasMore: false, runs: [{ id: runs[0]!.id }] });
    expect(
      (await listRuns(database, { viewer: SEES_ALL, filter: { user: 'pager', status: 'failed' }, limit: 2 })).runs,
    ).toEqual([]);
    for (const run of runs) await cancelRun(bench, run.id);
  });

  it('keeps a finished run for the configured time, then deletes everything except its ledger entry', async () => {
    const old = await submit();
    await settle(await claim());
    const young = await submit();
    await settle(await claim());
    await sql`update longhaul.runs set finished_at = now() - interval '8 days' where id = ${old.id}`.execute(
      database.sql,
    );
    await removeExpiredRuns(database, { retentionDays: 7 });
    expect(await findRun(database, { runId: old.id, viewer: SEES_ALL })).toBeNull();
    expect(await events(old.id)).toEqual([]);
    expect(await findRun(database, { runId: young.id, viewer: SEES_ALL })).not.toBeNull();
    const kept = await database.sql
      .selectFrom('longhaul.ledger_entries')
      .select('cost_micros')
      .where('run_id', '=', old.id)
      .execute();
    expect(kept).toEqual([{ cost_micros: 600 }]);
  });

  it('rejects a schema newer than the code, and leaves an up-to-date schema unchanged', async () => {
    expect(await migrate(database)).toEqual([]);
    await sql`insert into longhaul.migrations (version, name) values (9999, 'from the future')`.execute(database.sql);
    await expect(migrate(database)).rejects.toMatchObject({ code: 'schema_too_new' });
    await sql`update longhaul.migrations set works_with = 9998 where version = 9999`.execute(database.sql);
    await expect(migrate(database)).rejects.toThrow(
      'schema version 9999, which a Longhaul can use that knows version 9998',
    );
    await sql`update longhaul.migrations set works_with = 38 where version = 9999`.execute(database.sql);
    expect(await migrate(database)).toEqual([]);
    await expect(migrate(database, { upTo: 37 })).rejects.toMatchObject({ code: 'schema_too_new' });
    await sql`delete from longhaul.migrations where version = 9999`.execute(database.sql);
  });
});
