import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, DATABASE_KINDS, type TestDatabase } from '../../test/support/databases.ts';
import { afterCommit, notifyAfterCommit } from './after-commit.ts';
import { CHANNELS, type Transaction } from './database.ts';
import { retryDeadlock } from './retry-deadlock.ts';

describe.each(DATABASE_KINDS)('work after a commit on the %s database', (kind) => {
  let bench: TestDatabase;
  beforeAll(async () => {
    bench = await createTestDatabase(kind);
    await sql`create table public.marks (name text primary key)`.execute(bench.database.sql);
  });
  afterAll(() => bench.remove());

  const mark = (trx: Transaction, name: string) => sql`insert into public.marks values (${name})`.execute(trx);
  const isMarked = async (name: string) =>
    (await sql`select from public.marks where name = ${name}`.execute(bench.database.sql)).rows.length === 1;

  it('is done once the transaction is committed, and sees what it wrote', async () => {
    const { sql: connection } = bench.database;
    const seen = Promise.withResolvers<boolean>();
    let isCommitted = false;
    await connection
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (trx) => {
        afterCommit(trx, async () => {
          isCommitted = true;
          seen.resolve(await isMarked('committed'));
        });
        await mark(trx, 'committed');
        expect(isCommitted).toBe(false);
      });
    expect(await seen.promise).toBe(true);
  });

  it('includes notifications, which a rollback does not send', async () => {
    const heard: string[] = [];
    const stop = await bench.database.listen(CHANNELS.trial, (payload) => heard.push(payload));
    const notify = (payload: string, fail = false) =>
      bench.database.sql.transaction().execute((trx) => {
        notifyAfterCommit(trx, CHANNELS.trial, payload);
        return fail ? Promise.reject(new Error('no')) : Promise.resolve();
      });
    await notify('first');
    await expect(notify('failed', true)).rejects.toThrow('no');
    await notify('second');
    await expect.poll(() => heard.filter((payload) => payload !== ''), { interval: 5 }).toContain('second');
    expect(heard).toContain('first');
    expect(heard).not.toContain('failed');
    await stop();
  });

  it('is not done when the transaction is rolled back, by an error or by the database', async () => {
    const done: string[] = [];
    const failing = (name: string, fail: (trx: Transaction) => Promise<unknown>) =>
      bench.database.sql.transaction().execute(async (trx) => {
        afterCommit(trx, () => done.push(name));
        await fail(trx);
      });
    await expect(failing('error', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(failing('database', (trx) => sql`select 1 / 0`.execute(trx))).rejects.toThrow('division by zero');
    // The statement failed, its error was caught, and the commit became a rollback.
    await failing('swallowed', (trx) => sql`select 1 / 0`.execute(trx).catch(() => {})).catch(() => {});
    expect(done).toEqual([]);
  });

  it('is done once when the transaction is repeated after a deadlock', async () => {
    const done: number[] = [];
    let tries = 0;
    const work = async (trx: Transaction) => {
      const attempt = ++tries;
      afterCommit(trx, () => done.push(attempt));
      if (attempt === 1) await sql`do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$`.execute(trx);
    };
    await retryDeadlock(() => bench.database.sql.transaction().execute(work));
    expect(done).toEqual([2]);
  });

  it('cannot fail the transaction: its error goes to its handler', async () => {
    const failed = Promise.withResolvers<unknown>();
    const error = new Error('the backend is away');
    const result = await bench.database.sql.transaction().execute((trx) => {
      afterCommit(trx, () => Promise.reject(error), failed.resolve);
      return Promise.resolve('accepted');
    });
    expect(result).toBe('accepted');
    expect(await failed.promise).toBe(error);
  });

  it('is refused for a transaction that nobody commits for it', async () => {
    let ended: Transaction | undefined;
    await bench.database.sql.transaction().execute((trx) => {
      ended = trx;
      return Promise.resolve();
    });
    expect(() => afterCommit(ended!, () => {})).toThrow(TypeError);
    const open = await bench.database.sql.startTransaction().execute();
    expect(() => afterCommit(open, () => {})).toThrow('transaction().execute()');
    await open.rollback().execute();
  });
});
