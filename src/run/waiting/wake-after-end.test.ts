import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { isFinal } from '../../core/states.ts';
import { cancelRun } from '../cancel.ts';
import { findRun } from '../read/read-runs.ts';
import { createRunBench, settlement, type RunBench } from '../run.fixture.ts';
import type { Run } from '../run.ts';
import { SEES_ALL } from '../viewer.ts';

describe.each(DATABASE_KINDS)('a run that waits for a budget on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind, { limits: { perUser: { usdPerDay: 1.5, whenReached: 'wait' } } });
    await sql`create function longhaul.fail() returns trigger language plpgsql as $$
      begin raise exception 'the queue is full'; end $$`.execute(bench.database.sql);
  });
  afterEach(async () => {
    bench.lines.length = 0;
    await sql`drop trigger if exists fail on longhaul_queue.job`.execute(bench.database.sql);
  });
  afterAll(() => bench.remove());

  /** The queue takes no message any more: the end of a run removes one, and wakes no other run. */
  const breakQueue = () =>
    sql`create trigger fail before insert on longhaul_queue.job for each row execute function longhaul.fail()`.execute(
      bench.database.sql,
    );
  const spend = { metered: { ...settlement.metered, costMicros: 100 }, reported: null };
  const countReady = async () => (await bench.depth()).waiting;

  /** A run with all the money of its user, and a second run, which waits for it. */
  async function begin(user: string): Promise<[Run, Run]> {
    const runs = [await bench.submit({ user }), await bench.submit({ user })] as const;
    expect(runs.map(({ status }) => status)).toEqual(['queued', 'waiting']);
    return [runs[0], runs[1]];
  }

  it('is queued when the run before it ends', async () => {
    const [, waiting] = await begin('ends');
    const claimed = await bench.claim();
    expect(await countReady()).toBe(0);
    await bench.settle(claimed, spend);
    expect(await countReady()).toBe(1);
    await cancelRun(bench, waiting.id);
    expect(bench.lines).toEqual([]);
  });

  const ends: Record<string, (run: Run) => Promise<unknown>> = {
    'is settled': async () => bench.settle(await bench.claim(), spend),
    'is cancelled': async ({ id }) => cancelRun(bench, id),
    'is lost with its worker': async ({ id }) => {
      await bench.claim();
      await sql`update longhaul.runs set cancel_requested_at = now() where id = ${id}`.execute(bench.database.sql);
      await bench.expireLease(id);
      await bench.sweep();
    },
  };

  it.each(Object.entries(ends))('is named in the log when it cannot be queued as another %s', async (how, end) => {
    const [first, waiting] = await begin(how);
    await breakQueue();
    await end(first);
    const found = await findRun(bench.database, { runId: first.id, viewer: SEES_ALL });
    expect(isFinal(found!.status)).toBe(true);
    expect(bench.lines).toEqual([
      {
        level: 'error',
        text: expect.stringContaining('could not be queued') as string,
        runId: first.id,
        err: expect.objectContaining({ message: 'the queue is full' }) as Error,
      },
    ]);
    await sql`drop trigger fail on longhaul_queue.job`.execute(bench.database.sql);
    await cancelRun(bench, waiting.id);
  });
});
