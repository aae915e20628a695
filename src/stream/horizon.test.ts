import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { Database, Transaction } from '../db/database.ts';
import { appendEvents } from '../run/log/append-events.ts';
import { createRunBench, type RunBench } from '../run/run.fixture.ts';
import { settle, type Settled } from './horizon.ts';

const { signal } = new AbortController();

describe.each(DATABASE_KINDS)('the watermark of the log of all runs, on the %s database', (kind) => {
  let bench: RunBench;
  let database: Database;

  beforeAll(async () => {
    bench = await createRunBench(kind);
    ({ database } = bench);
  });

  afterAll(() => bench.remove());

  const look = async (since: number | null = null) => (await settle(database, { since, signal })) as Settled;

  it('is the last committed event, with the owners of the events since', async () => {
    const { position } = await look();
    expect(await look(position)).toEqual({ position, owners: [] });
    await bench.submit({ user: 'ann', team: 'north' });
    await bench.submit({ user: 'bob' });
    await bench.submit({ user: 'bob' });
    const next = await look(position);
    expect(next.position).toBe(await lastPosition());
    expect(next.owners).toHaveLength(2);
    expect(next.owners).toEqual(
      expect.arrayContaining([
        { user: 'ann', team: 'north', tenant: null },
        { user: 'bob', team: null, tenant: null },
      ]),
    );
  });

  it('is never the number of a lost transaction, which may be reused after a crash', async () => {
    const run = await bench.submit();
    const { position } = await look();
    const broken = database.sql.transaction().execute(async (trx) => {
      await append(trx, run.id);
      throw new Error('lost');
    });
    await expect(broken).rejects.toThrow('lost');
    expect(await look(position)).toEqual({ position, owners: [] });
  });

  it.skipIf(kind === 'embedded')('stays before an uncommitted event, even if later numbers are committed', async () => {
    const [early, late] = [await bench.submit({ user: 'early' }), await bench.submit({ user: 'late' })];
    const { position } = await look();
    const held = await hold((trx) => append(trx, early.id));
    await database.sql.transaction().execute((trx) => append(trx, late.id));
    expect(await lastPosition()).toBe(position + 2);
    let settled: Settled | null = null;
    const looking = look(position).then((result) => (settled = result));
    await lookedTwice();
    expect(settled).toBeNull();
    await held.commit();
    expect((await looking).position).toBe(position + 2);
    expect((await looking).owners.map(({ user }) => user)).toEqual(expect.arrayContaining(['early', 'late']));
  });

  it.skipIf(kind === 'embedded')('does not wait for transactions that started after the check', async () => {
    const runs = [await bench.submit(), await bench.submit()];
    const { position } = await look();
    const first = await hold((trx) => append(trx, runs[0]!.id));
    const looking = look(position);
    await lookedTwice();
    const second = await hold((trx) => append(trx, runs[1]!.id));
    await first.commit();
    expect((await looking).position).toBe(position + 1);
    await second.commit();
    expect((await look(position + 1)).position).toBe(position + 2);
  });

  it.skipIf(kind === 'embedded')(
    'does not wait for transactions that delete, change or read events, or have rolled back',
    async () => {
      const run = await bench.submit();
      const { position } = await look();
      const remover = await hold((trx) => sql`delete from longhaul.runs where id = ${run.id}`.execute(trx));
      const reader = await hold((trx) => sql`select count(*) from longhaul.run_events`.execute(trx));
      const other = await bench.submit();
      expect(await look(position)).toEqual({
        position: position + 1,
        owners: [{ user: 'ann', team: null, tenant: null }],
      });
      const holder = await hold((trx) => append(trx, other.id));
      const looking = look(position + 1);
      await holder.rollback();
      expect((await looking).position).toBe(position + 1);
      await Promise.all([remover.commit(), reader.commit()]);
    },
  );

  it.skipIf(kind === 'embedded')('stops waiting when its signal aborts', async () => {
    const run = await bench.submit();
    const held = await hold((trx) => append(trx, run.id));
    const controller = new AbortController();
    const looking = settle(database, { since: 0, signal: controller.signal });
    await lookedTwice();
    controller.abort();
    expect(await looking).toBeNull();
    await held.rollback();
  });

  const append = (trx: Transaction, runId: string) =>
    appendEvents(trx, { runId, attempt: 0, events: [{ type: 'agent.text', data: { text: 'x', blockId: '1' } }] });

  async function lastPosition(): Promise<number> {
    const { rows } = await sql<{ last: number }>`select max(position) as last from longhaul.run_events`.execute(
      database.sql,
    );
    return rows[0]!.last;
  }

  /** Starts a transaction that has executed `act` and is unfinished. */
  async function hold(act: (trx: Transaction) => Promise<unknown>) {
    const acted = Promise.withResolvers<void>();
    const end = Promise.withResolvers<boolean>();
    const over = database.sql.transaction().execute(async (trx) => {
      await act(trx);
      acted.resolve();
      if (!(await end.promise)) throw new Error('rolled back');
    });
    over.catch(() => {});
    await acted.promise;
    return {
      async commit() {
        end.resolve(true);
        await over;
      },
      async rollback() {
        end.resolve(false);
        await over.catch(() => {});
      },
    };
  }

  /** Resolves when a check in progress has had time to read the transactions that it waits for. */
  async function lookedTwice(): Promise<void> {
    for (let round = 0; round < 20; round++) await sql`select pg_sleep(0.002)`.execute(database.sql);
  }
});
