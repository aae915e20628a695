import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createId } from '../../core/ids.ts';
import type { Claim } from '../claim/claim.ts';
import { cancelRun } from '../cancel.ts';
import { removeExpiredRuns } from '../remove-expired.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';
import {
  appendEntries,
  findClaudeSession,
  forgetEntries,
  listSubpaths,
  readEntries,
  type SessionEntry,
} from './sessions.ts';

describe.each(DATABASE_KINDS)('a transcript on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });

  afterAll(() => bench.remove());

  const claudeSessionId = createId();
  const sessionLeaseOf = ({ run, lease }: Claim) => ({ sessionId: run.sessionId, lease });
  const append = (claimed: Claim, entries: SessionEntry[], subpath = '') =>
    appendEntries(bench.database, { sessionLease: sessionLeaseOf(claimed), claudeSessionId, subpath, entries });
  const read = ({ run }: Claim, subpath = '') => readEntries(bench.database, { sessionId: run.sessionId, subpath });
  const entry = (uuid: string, rest: SessionEntry = {}): SessionEntry => ({ type: 'user', uuid, ...rest });

  it('is returned in order, and unchanged', async () => {
    await bench.submit();
    const claimed = await bench.claim();
    expect(await read(claimed)).toBeNull();
    const odd = entry('a', { text: '\u0000 "quoted" 🎉 \ud800', deep: [{ z: 1, a: [null, 1e21] }] });
    expect(await append(claimed, [odd, entry('b')])).toBe(true);
    expect(await append(claimed, [{ type: 'cost-state', total: 1 }])).toBe(true);
    expect(await append(claimed, [entry('c')])).toBe(true);
    expect(await read(claimed)).toEqual([odd, entry('b'), { type: 'cost-state', total: 1 }, entry('c')]);
    await bench.settle(claimed);
  });

  it('stores an entry once, however often it arrives', async () => {
    await bench.submit();
    const claimed = await bench.claim();
    await append(claimed, [entry('a'), entry('a'), entry('b')]);
    await append(claimed, [entry('b'), entry('c')]);
    expect((await read(claimed))?.map(({ uuid }) => uuid)).toEqual(['a', 'b', 'c']);
    await bench.settle(claimed);
  });

  it("keeps sub-agents' conversations beside the main one", async () => {
    await bench.submit();
    const claimed = await bench.claim();
    await append(claimed, [entry('a')]);
    await append(claimed, [entry('a')], 'subagents/x');
    await append(claimed, [entry('b')], 'subagents/y');
    expect(await listSubpaths(bench.database, claimed.run.sessionId)).toEqual(['subagents/x', 'subagents/y']);
    expect(await read(claimed, 'subagents/y')).toEqual([entry('b')]);
    expect(await read(claimed)).toEqual([entry('a')]);
    await bench.settle(claimed);
  });

  it('accepts nothing from an attempt that has ended or was taken over', async () => {
    const run = await bench.submit();
    const slow = await bench.claim();
    await append(slow, [entry('a')]);
    await bench.expireLease(run.id);
    await bench.sweep();
    expect(await append(slow, [entry('late')])).toBe(false);
    const next = await bench.claim();
    expect(await append(slow, [entry('later')])).toBe(false);
    expect(await forgetEntries(bench.database, sessionLeaseOf(slow))).toBe(false);
    expect(await append(next, [entry('b')])).toBe(true);
    await bench.settle(next);
    expect(await append(next, [entry('last')])).toBe(false);
    expect((await read(next))?.map(({ uuid }) => uuid)).toEqual(['a', 'b']);
  });

  it('gives a later attempt the id to continue, once there is something', async () => {
    await bench.submit();
    const claimed = await bench.claim();
    const find = () => findClaudeSession(bench.database, claimed.run.sessionId);
    expect(await find()).toBeNull();
    await append(claimed, [{ type: 'queue-operation' }]);
    expect(await find()).toBeNull();
    await append(claimed, [entry('a')]);
    expect(await find()).toBe(claudeSessionId);
    await bench.settle(claimed);
  });

  it("deletes a run's entries when it starts from the beginning, and nothing of other runs", async () => {
    const first = await bench.submit();
    const claimed = await bench.claim();
    await append(claimed, [entry('a')]);
    await bench.settle(claimed);
    await bench.submit({ session: { id: first.sessionId, isFork: false } });
    const next = await bench.claim();
    await append(next, [entry('b')]);
    expect(await forgetEntries(bench.database, sessionLeaseOf(next))).toBe(true);
    await append(next, [entry('b')]);
    expect((await read(next))?.map(({ uuid }) => uuid)).toEqual(['a', 'b']);
    await bench.settle(next);
  });

  it('is never given to two runs at once: the second waits in the queue', async () => {
    const first = await bench.submit();
    const second = await bench.submit({ session: { id: first.sessionId, isFork: false } });
    const holder = await bench.claim();
    await expect(bench.claim()).rejects.toThrow('Nothing to claim');
    expect(await bench.depth()).toMatchObject({ waiting: 0, delayed: 0 });
    await bench.settle(holder);
    const next = await bench.claim();
    expect(next.run).toMatchObject({ id: second.id, attempt: 1 });
    expect((await bench.events(second.id)).map(({ type }) => type)).toEqual(['run.queued', 'run.started']);
    await cancelRun(bench, second.id);
    await bench.settle(next, { outcome: { status: 'cancelled' } });
  });

  it('is deleted with the last of its runs', async () => {
    const run = await bench.submit();
    const claimed = await bench.claim();
    await append(claimed, [entry('a')]);
    await bench.settle(claimed);
    const age = sql`update longhaul.sessions set updated_at = now() - interval '8 days' where id = ${run.sessionId}`;
    await age.execute(bench.database.sql);
    await removeExpiredRuns(bench.database, { retentionDays: 7 });
    expect(await read(claimed)).not.toBeNull();
    await sql`update longhaul.runs set finished_at = now() - interval '8 days' where id = ${run.id}`.execute(
      bench.database.sql,
    );
    await removeExpiredRuns(bench.database, { retentionDays: 7 });
    expect(await read(claimed)).toBeNull();
  });
});
