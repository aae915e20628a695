import { sql } from 'kysely';
import { afterAll, afterEach, beforeEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createId } from '../../core/ids.ts';
import { recordEvents } from '../log/append-events.ts';
import { cancelRun } from '../cancel.ts';
import type { Claim } from '../claim/claim.ts';
import { markMessages, readMessages } from './messages.ts';
import { listSessions, readTranscript } from './read-sessions.ts';
import { createReader, createRunBench, type RunBench } from '../run.fixture.ts';
import { sweepHeldInSessions } from '../waiting/session-gate.ts';
import { appendEntries, readEntries } from './sessions.ts';
import type { Submission } from '../accept/submission.ts';
import { SEES_ALL } from '../viewer.ts';

describe.each(DATABASE_KINDS)('a session of several runs on the %s database', (kind) => {
  let bench: RunBench;
  let sessionId: string;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });

  afterAll(() => bench.remove());

  beforeEach(() => {
    sessionId = '';
  });

  // No run of one test stays queued in the next.
  afterEach(async () => {
    const { rows } = await sql<{ id: string }>`select id from longhaul.runs where finished_at is null`.execute(
      bench.database.sql,
    );
    for (const { id } of rows) await cancelRun(bench, id);
    await sql`update longhaul.runs set lease_expires_at = now() - interval '1 second' where status = 'running'`.execute(
      bench.database.sql,
    );
    await bench.sweep();
  });

  async function begin(): Promise<Claim> {
    const run = await bench.submit();
    ({ sessionId } = run);
    return bench.claim();
  }

  const follow = (changes: Partial<Submission> = {}) =>
    bench.submit({ session: { id: sessionId, isFork: false }, ...changes });
  const steered = createReader({ whileBusy: 'steer' });
  const statusOf = async (id: string) => (await readRow(id)).status;
  const readRow = (id: string) =>
    bench.database.sql
      .selectFrom('longhaul.runs')
      .select(['status', 'held_for', 'session_turn', 'waiting_for', 'prompt', 'reserved_micros'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow();

  it('has one queued run, and the next when that one has ended', async () => {
    const first = await begin();
    const [second, third] = [await follow(), await follow()];
    expect(await readRow(second.id)).toMatchObject({ held_for: 'session', session_turn: 2 });
    expect(await bench.depth()).toMatchObject({ waiting: 0 });
    await bench.settle(first);
    const next = await bench.claim();
    expect(next.run).toMatchObject({ id: second.id, sessionTurn: 2 });
    expect(await bench.depth()).toMatchObject({ waiting: 0 });
    await bench.settle(next, { outcome: { status: 'cancelled' } });
    expect((await bench.claim()).run.id).toBe(third.id);
  });

  it('keeps the turn of a run that waits for its next attempt', async () => {
    const first = await begin();
    const second = await follow();
    await bench.settle(first, { outcome: { status: 'failed', code: 'cli_crashed', detail: 'x' } });
    expect(await readRow(second.id)).toMatchObject({ held_for: 'session' });
    await cancelRun(bench, first.run.id);
    expect((await bench.claim()).run.id).toBe(second.id);
  });

  it('begins the next run when a queued run before it is cancelled', async () => {
    const first = await begin();
    const [second, third] = [await follow(), await follow()];
    await cancelRun(bench, second.id);
    expect(await readRow(third.id)).toMatchObject({ held_for: 'session' });
    await bench.settle(first);
    expect((await bench.claim()).run.id).toBe(third.id);
  });

  it('loses no run that is submitted while another ends', async () => {
    for (let round = 0; round < 12; round++) {
      const first = await begin();
      const [submitted] = await Promise.all([follow(), bench.settle(first)]);
      const next = await bench.claim();
      expect(next.run.id).toBe(submitted.id);
      await bench.settle(next);
    }
  });

  it('gives each of the runs that arrive at once its own place', async () => {
    const first = await begin();
    const runs = await Promise.all(Array.from({ length: 8 }, () => follow()));
    await bench.settle(first);
    const turns = await Promise.all(runs.map(async ({ id }) => (await readRow(id)).session_turn));
    expect(turns.toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    const seen: number[] = [];
    for (const _ of runs) {
      const claims = await bench.claimUpTo(10);
      expect(claims).toHaveLength(1);
      seen.push(claims[0]!.run.sessionTurn);
      await bench.settle(claims[0]!);
    }
    expect(seen).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('finds a held run that was never released', async () => {
    const first = await begin();
    const second = await follow();
    expect(await sweepHeldInSessions(bench)).toBe(0);
    await bench.settle(first);
    const next = await bench.claim();
    await bench.settle(next);
    const third = await follow();
    await bench.queue.remove(await Promise.resolve(bench.database.sql as never), { runId: third.id, queue: 'reader' });
    await sql`update longhaul.runs set held_for = 'session' where id = ${third.id}`.execute(bench.database.sql);
    expect(await sweepHeldInSessions(bench)).toBe(1);
    expect((await bench.claim()).run.id).toBe(third.id);
    expect(await statusOf(second.id)).toBe('succeeded');
  });

  it('rejects another run, or cancels the earlier ones, as its agent is configured', async () => {
    const first = await begin();
    await expect(follow({ agent: createReader({ whileBusy: 'reject' }) })).rejects.toMatchObject({
      code: 'session_busy',
    });
    const waiting = await follow();
    const [one, two] = await Promise.all([
      follow({ agent: createReader({ whileBusy: 'interrupt' }) }),
      follow({ agent: createReader({ whileBusy: 'interrupt' }) }),
    ]);
    expect(await statusOf(waiting.id)).toBe('cancelled');
    await bench.settle(first, { outcome: { status: 'cancelled' } });
    const rows = [await readRow(one.id), await readRow(two.id)].toSorted((a, b) => a.session_turn - b.session_turn);
    expect(rows.map(({ status }) => status)).toEqual(['cancelled', 'queued']);
  });

  it('leaves a message for the running run, and makes a run of a message that is not taken up', async () => {
    const first = await begin();
    const answer = await follow({ agent: steered, prompt: 'Taken.', idempotencyKey: 'k1' });
    expect(answer.id).toBe(first.run.id);
    expect((await follow({ agent: steered, prompt: 'Taken.', idempotencyKey: 'k1' })).id).toBe(first.run.id);
    await follow({ agent: steered, prompt: 'Not taken.' });
    const [taken, left] = await readMessages(bench.database, first.run.id);
    expect([taken?.text, left?.text]).toEqual(['Taken.', 'Not taken.']);
    const event = { type: 'run.message', data: { messageId: taken!.id, text: 'Taken.' } } as const;
    const batch = { runId: first.run.id, attempt: 1, events: [event], lease: first.lease, lastSeq: first.lastSeq };
    expect(await recordEvents(bench.database, batch)).toBe(true);
    expect(await recordEvents(bench.database, batch)).toBe(true);
    expect((await readMessages(bench.database, first.run.id))[0]).toMatchObject({ isTakenUp: true, isTold: true });
    await bench.settle(first);
    const next = await bench.claim();
    expect(next.run).toMatchObject({ id: left!.id, prompt: 'Not taken.', user: 'ann', metadata: { ticket: 7 } });
    expect((await bench.events(next.run.id)).map(({ type }) => type)).toEqual(['run.queued', 'run.started']);
    expect((await readMessages(bench.database, first.run.id)).map(({ id }) => id)).toEqual([taken!.id]);
  });

  it('marks nothing for a worker whose lease is lost', async () => {
    const first = await begin();
    await follow({ agent: steered, prompt: 'Hello?' });
    const [message] = await readMessages(bench.database, first.run.id);
    await bench.expireLease(first.run.id);
    await bench.sweep();
    const again = { ids: [message!.id], isTakenUp: true };
    expect(await markMessages(bench.database, { lease: first.lease, ...again })).toBe(false);
    const second = await bench.claim();
    expect(second.run).toMatchObject({ id: first.run.id, attempt: 2 });
    expect((await readMessages(bench.database, first.run.id))[0]).toMatchObject({ isTakenUp: false });
    expect(await markMessages(bench.database, { lease: second.lease, ...again })).toBe(true);
    await bench.settle(second);
    expect(await bench.claimUpTo(1)).toEqual([]);
  });

  it('loses no message that arrives while its run ends', async () => {
    for (let round = 0; round < 12; round++) {
      const first = await begin();
      await Promise.all([follow({ agent: steered, prompt: 'Now!' }), bench.settle(first)]);
      const next = await bench.claim();
      expect(next.run.prompt).toBe('Now!');
      await bench.settle(next);
    }
  });

  it('lets a message without money wait for its budget', async () => {
    bench.configure({ limits: { perUser: { usdPerDay: 1.5 } } });
    try {
      const first = await begin();
      const answer = await follow({ agent: steered, prompt: 'Later.' });
      expect(answer.id).toBe(first.run.id);
      const metered = { costMicros: 1_000_000, models: {} };
      await bench.settle(first, { metered, reported: null });
      const { rows } = await sql<{ id: string }>`
        select id from longhaul.runs where session_id = ${sessionId} and session_turn = 2`.execute(bench.database.sql);
      expect(await readRow(rows[0]!.id)).toMatchObject({ status: 'waiting', waiting_for: 'budget' });
    } finally {
      bench.configure({});
    }
  });

  it('forks with the text of its finished runs, and is deleted with its own last run', async () => {
    const first = await begin();
    const say = (claimed: Claim, uuid: string) =>
      appendEntries(bench.database, {
        sessionLease: { sessionId: claimed.run.sessionId, lease: claimed.lease },
        claudeSessionId: sessionId,
        subpath: '',
        entries: [{ type: 'user', uuid, message: { content: `say ${uuid}` } }],
      });
    await say(first, createId());
    await bench.settle(first);
    await follow();
    const second = await bench.claim();
    await say(second, createId());
    const fork = await bench.submit({ session: { id: sessionId, isFork: true } });
    expect(await readRow(fork.id)).toMatchObject({ held_for: null, session_turn: 2 });
    expect(await readEntries(bench.database, { sessionId: fork.sessionId, subpath: '' })).toHaveLength(1);
    const { messages } = await readTranscript(bench.database, { sessionId, after: 0, limit: 10 });
    expect(messages.map(({ runId }) => runId)).toEqual([first.run.id, second.run.id]);
    const { sessions } = await listSessions(bench.database, { viewer: SEES_ALL, filter: {}, limit: 1 });
    expect(sessions[0]).toMatchObject({ id: fork.sessionId, forkedFrom: sessionId, agent: 'reader', user: 'ann' });
    const branchesOf = async (forkedFrom: string) =>
      (await listSessions(bench.database, { viewer: SEES_ALL, filter: { forkedFrom }, limit: 9 })).sessions;
    expect((await branchesOf(sessionId)).map(({ id }) => id)).toEqual([fork.sessionId]);
    expect(await branchesOf(fork.sessionId)).toEqual([]);
    expect(
      (await listSessions(bench.database, { viewer: { user: 'bob', team: null }, filter: {}, limit: 9 })).sessions,
    ).toEqual([]);
  });
});
