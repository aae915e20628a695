import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createId } from '../../core/ids.ts';
import {
  awaitIdempotentRuns,
  findIdempotentRuns,
  hashRequest,
  pointIdempotencyKey,
  removeOldIdempotencyKeys,
  takeFreeKeys,
} from './idempotency-keys.ts';
import { listRuns } from '../read/read-runs.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';
import { SEES_ALL } from '../viewer.ts';

describe.each(DATABASE_KINDS)('idempotency keys, on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });
  afterAll(() => bench.remove());

  const toRequest = (key: string, owner = 'o') => ({ owner, key, hash: hashRequest(['a']) });
  /** Returns null when it has taken the key, else the runs of the earlier request. */
  const take = async (request: ReturnType<typeof toRequest>, runIds: readonly string[]) => {
    const { sql } = bench.database;
    const taken = await sql.transaction().execute((trx) => takeFreeKeys(trx, [{ ...request, runIds }]));
    return taken.length > 0 ? null : findIdempotentRuns(bench.database, request);
  };
  const age = (key: string, hours: number) =>
    sql`update longhaul.idempotency_keys set created_at = created_at - ${hours} * interval '1 hour' where key = ${key}`.execute(
      bench.database.sql,
    );

  it('return the runs of the first request, one or many, to each owner its own', async () => {
    const ids = [createId(), createId()];
    const request = toRequest('many');
    expect(await findIdempotentRuns(bench.database, request)).toBeNull();
    expect(await take(request, ids)).toBeNull();
    expect(await take(request, [createId()])).toEqual(ids);
    expect(await findIdempotentRuns(bench.database, request)).toEqual(ids);
    expect(await take(toRequest('many', 'other'), ids)).toBeNull();
    await expect(take({ ...request, hash: hashRequest(['b']) }, [])).rejects.toMatchObject({
      code: 'idempotency_mismatch',
    });
  });

  it('create one run from many submissions at once', async () => {
    const runs = await Promise.all(
      Array.from({ length: 12 }, () => bench.submit({ user: 'once', idempotencyKey: 'once' })),
    );
    expect(new Set(runs.map(({ id }) => id)).size).toBe(1);
    const { runs: stored } = await listRuns(bench.database, { viewer: SEES_ALL, filter: { user: 'once' }, limit: 10 });
    expect(stored).toHaveLength(1);
  });

  it('are pointed at another run only while they return the given one', async () => {
    const [first, second, third] = [createId(), createId(), createId()];
    const request = toRequest('pointed');
    await take(request, [first]);
    const point = (from: string, to: string) =>
      bench.database.sql.transaction().execute((trx) => pointIdempotencyKey(trx, { ...request, from, to }));
    await point(first, second);
    expect(await findIdempotentRuns(bench.database, request)).toEqual([second]);
    // Expired and taken again since: a late change for the first run has no effect.
    await age('pointed', 25);
    await take(request, [third]);
    await point(second, first);
    expect(await findIdempotentRuns(bench.database, request)).toEqual([third]);
  });

  it('are not taken by a transaction that is rolled back', async () => {
    const request = toRequest('undone');
    await expect(
      bench.database.sql.transaction().execute(async (trx) => {
        await takeFreeKeys(trx, [{ ...request, runIds: [createId()] }]);
        throw new Error('undone');
      }),
    ).rejects.toThrow('undone');
    expect(await awaitIdempotentRuns(bench.database, request)).toBeNull();
    expect(await findIdempotentRuns(bench.database, request)).toBeNull();
  });

  it.runIf(kind === 'postgres')('wait for a request that is in progress', async () => {
    const request = toRequest('waiting');
    const ids = [createId()];
    const trx = await bench.database.sql.startTransaction().execute();
    await takeFreeKeys(trx, [{ ...request, runIds: ids }]);
    expect(await findIdempotentRuns(bench.database, request)).toBeNull();
    const waiting = [awaitIdempotentRuns(bench.database, request), take(request, [createId()])];
    await trx.commit().execute();
    expect(await Promise.all(waiting)).toEqual([ids, ids]);
  });

  it('last a day, and are then taken again, or deleted', async () => {
    const [first, second] = [createId(), createId()];
    await take(toRequest('old'), [first]);
    await age('old', 23.9);
    expect(await take(toRequest('old'), [second])).toEqual([first]);
    await age('old', 0.2);
    expect(await findIdempotentRuns(bench.database, toRequest('old'))).toBeNull();
    expect(await take({ ...toRequest('old'), hash: hashRequest(['new']) }, [second])).toBeNull();
    await age('old', 25);
    await removeOldIdempotencyKeys(bench.database);
    const { rows } = await sql`select key from longhaul.idempotency_keys where key = 'old'`.execute(bench.database.sql);
    expect(rows).toEqual([]);
  });

  it('never pay twice for a run that was deleted since', async () => {
    const { id } = await bench.submit({ idempotencyKey: 'gone' });
    await sql`delete from longhaul.runs where id = ${id}`.execute(bench.database.sql);
    await expect(bench.submit({ idempotencyKey: 'gone' })).rejects.toMatchObject({ code: 'run_not_found' });
  });
});
