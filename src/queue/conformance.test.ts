import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createId } from '../core/ids.ts';
import { closeServers } from './backend/servers.fixture.ts';
import {
  BACKENDS,
  BAD_SQS,
  breakListening,
  claimBy,
  openBackend,
  register,
  SERVER_BACKENDS,
  setPaused,
  type SuiteDatabase,
  type SuiteProcess,
} from './conformance.fixture.ts';

/** The bounds of the suite, in ms: of a run that is due now, and of one after a check. */
const AT_ONCE_MS = 1_000;
const AFTER_CHECK_MS = 4_500;

afterAll(closeServers);

const NAMES = Array.from({ length: 24 }, (_, index) => `queue-${index}`);

describe.each([...BACKENDS, ...SERVER_BACKENDS, BAD_SQS])('a queue on $name', (backend) => {
  const within = <T>(boundMs: number, promise: Promise<T>) => settleWithin(boundMs + backend.slowMs, promise);
  let suite: SuiteDatabase;
  const unused = [...NAMES];
  /** Returns a queue that no other test uses. */
  const newQueue = () => unused.pop()!;

  beforeAll(async () => {
    suite = await openBackend(backend, NAMES);
  });
  afterAll(() => suite.close());

  it('calls a worker with room as soon as a run is committed', async () => {
    const queue = newQueue();
    const other = await suite.openProcess();
    const worker = await other.startWorker([queue]);
    const runId = await suite.submit(queue);
    expect(await within(AT_ONCE_MS, worker.next())).toBe(runId);
  });

  it('calls nobody for a run that was rolled back', async () => {
    const queue = newQueue();
    const worker = await suite.startWorker([queue]);
    for (let times = 0; times < 5; times++) {
      const failing = suite.database.sql.transaction().execute(async (trx) => {
        await suite.queue.enqueue(trx, { runId: createId(), queue, priority: 0, startAfter: null });
        throw new Error('the submission fails');
      });
      await expect(failing).rejects.toThrow('the submission fails');
    }
    const runId = await suite.submit(queue);
    expect(await within(AT_ONCE_MS, worker.next())).toBe(runId);
    // The check of the start may meet the run as well.
    expect(worker.claims).toBeLessThanOrEqual(2);
  });

  it('gives the runs in their order, whichever was announced first', async () => {
    const queue = newQueue();
    const worker = await suite.startWorker([queue], { room: 0 });
    const low = await suite.submit(queue, { priority: 1 });
    const high = await suite.submit(queue, { priority: 3 });
    const middle = await suite.submit(queue, { priority: 2 });
    worker.room = 1;
    worker.wake();
    const order = [await worker.next(), await worker.next(), await worker.next()];
    expect(order).toEqual([high, middle, low]);
  });

  it('calls a full worker as soon as it has room', async () => {
    const queue = newQueue();
    const worker = await suite.startWorker([queue], { room: 0 });
    const runId = await suite.submit(queue);
    await passThrough(suite, newQueue());
    expect(worker.claims).toBe(0);
    worker.room = 1;
    worker.wake();
    expect(await within(AT_ONCE_MS, worker.next())).toBe(runId);
  });

  it('gives a delayed run when it is due, and not before', async () => {
    const queue = newQueue();
    const worker = await suite.startWorker([queue]);
    const dueAt = new Date(Date.now() + 1_000);
    const runId = await suite.submit(queue, { startAfter: dueAt });
    expect(await within(2_000, worker.next())).toBe(runId);
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt.getTime());
  });

  it('gives a run that became due earlier than it was', async () => {
    const queue = newQueue();
    const worker = await suite.startWorker([queue]);
    const runId = await suite.submit(queue, { startAfter: new Date(Date.now() + 20 * 60_000) });
    const sooner = { runId, queue, priority: 0, startAfter: new Date(Date.now() + 300) };
    await suite.database.sql.transaction().execute((trx) => suite.queue.requeue(trx, sooner));
    expect(await within(1_300, worker.next())).toBe(runId);
  });

  it('gives a run that was delayed, or fell due, while no worker was alive', async () => {
    const queue = newQueue();
    // Long enough for a busy machine to start the worker meanwhile.
    const delayed = await suite.submit(queue, { startAfter: new Date(Date.now() + 1_500) });
    const due = await suite.submit(queue);
    const worker = await suite.startWorker([queue]);
    expect(await within(AT_ONCE_MS, worker.next())).toBe(due);
    expect(await within(2_500, worker.next())).toBe(delayed);
  });

  it('gives a run whose wake-up was never sent, as when the submitter died after its commit', async () => {
    const queue = newQueue();
    const worker = await suite.startWorker([queue], { checkEveryMs: 1_000 });
    const message = { runId: createId(), queue, priority: 0, startAfter: null };
    await suite.database.sql.transaction().execute((trx) => suite.runs.enqueueAll(trx, [message]));
    expect(await within(AFTER_CHECK_MS, worker.next())).toBe(message.runId);
  });

  const announce = (queue: string) =>
    suite.database.sql.transaction().execute((trx) => suite.queue.announce(trx, queue));

  it('gives each run once when each wake-up comes three times', async () => {
    const queue = newQueue();
    const processes = [suite as SuiteProcess, await suite.openProcess(), await suite.openProcess()];
    const workers = await Promise.all(processes.map((process) => process.startWorker([queue], { room: 2 })));
    const submitted = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const runId = await suite.submit(queue);
        for (let times = 0; times < 2; times++) await announce(queue);
        return runId;
      }),
    );
    await expect
      .poll(() => workers.reduce((count, { runIds }) => count + runIds.length, 0), { interval: 5, timeout: 10_000 })
      .toBe(submitted.length);
    expect(workers.flatMap(({ runIds }) => runIds).toSorted()).toEqual(submitted.toSorted());
  });

  it('finds nothing due in a paused queue, and everything once it is resumed', async () => {
    const queue = newQueue();
    await setPaused(suite.database, queue, true);
    for (let index = 0; index < 5; index++) await suite.submit(queue);
    await suite.submit(queue, { startAfter: new Date(Date.now() + 60_000) });
    expect(await suite.queue.findDue([queue])).toEqual({ queues: [], nextInMs: null });
    const worker = await suite.startWorker([queue]);
    await setPaused(suite.database, queue, false);
    await announce(queue);
    for (let index = 0; index < 5; index++) await within(AT_ONCE_MS, worker.next());
    const { queues, nextInMs } = await suite.queue.findDue([queue]);
    expect(queues).toEqual([]);
    expect(nextInMs).toBeGreaterThan(50_000);
  });

  it('takes nothing for a worker that has stopped, and stops after the claim in progress', async () => {
    const queue = newQueue();
    const claiming = Promise.withResolvers<void>();
    const mayGo = Promise.withResolvers<void>();
    const stopping = await suite.startWorker([queue], {
      async claim(...what) {
        claiming.resolve();
        await mayGo.promise;
        return claimBy(suite.take)(...what);
      },
    });
    const first = await suite.submit(queue);
    await claiming.promise;
    const stopped = stopping.stop();
    mayGo.resolve();
    await stopped;
    expect(stopping.runIds).toEqual([first]);
    const other = await suite.startWorker([queue]);
    const second = await suite.submit(queue);
    expect(await within(AT_ONCE_MS, other.next())).toBe(second);
    expect(stopping.runIds).toEqual([first]);
  });

  it('repeats a claim that failed', async () => {
    const queue = newQueue();
    const errors: unknown[] = [];
    let isBroken = true;
    const worker = await suite.startWorker([queue], {
      async claim(...what) {
        if (!isBroken) return claimBy(suite.take)(...what);
        isBroken = false;
        throw new Error('the connection was lost');
      },
      onError: (error) => errors.push(error),
    });
    const runId = await suite.submit(queue);
    expect(await within(AFTER_CHECK_MS, worker.next())).toBe(runId);
    expect(errors).toHaveLength(1);
  });

  it('has no undelivered wake-up once all runs are claimed', async () => {
    const queue = newQueue();
    const worker = await suite.startWorker([queue]);
    for (let index = 0; index < 20; index++) await suite.submit(queue);
    for (let index = 0; index < 20; index++) await worker.next();
    // Claims for nothing use up what is left.
    const countUndelivered = async () => (await suite.queue.countUndelivered(queue)) ?? 0;
    await expect.poll(countUndelivered, { interval: 5, timeout: 10_000 }).toBe(0);
  });

  describe.runIf(backend.isDistributed)('that several processes use', () => {
    it.runIf(backend.isExact)('calls one of five workers for a run', async () => {
      const queue = newQueue();
      const processes = await Promise.all(Array.from({ length: 5 }, () => suite.openProcess()));
      let taken = Promise.withResolvers<string>();
      const onTaken = (runId: string) => taken.resolve(runId);
      const workers = await Promise.all(processes.map((process) => process.startWorker([queue], { onTaken })));
      const countClaims = () => workers.reduce((count, worker) => count + worker.claims, 0);
      const claim = async () => {
        taken = Promise.withResolvers();
        const runId = await suite.submit(queue);
        expect(await taken.promise).toBe(runId);
      };
      // The checks of the start meet the first runs.
      for (let index = 0; index < 5; index++) await claim();
      const before = countClaims();
      for (let index = 0; index < 20; index++) await claim();
      expect((countClaims() - before) / 20).toBeLessThan(1.5);
    });

    it('calls another worker when the chosen worker has died, or has no room after all', async () => {
      const queue = newQueue();
      const taken: string[] = [];
      const onTaken = (runId: string) => taken.push(runId);
      const worker = await (await suite.openProcess()).startWorker([queue], { onTaken });
      for (let index = 0; index < 3; index++) await register(suite.database, [queue]);
      const full = await (await suite.openProcess()).startWorker([queue], { room: 0 });
      const submitted: string[] = [];
      for (let index = 0; index < 10; index++) {
        submitted.push(await suite.submit(queue));
        await within(AT_ONCE_MS, worker.next());
      }
      expect(taken.toSorted()).toEqual(submitted.toSorted());
      expect(full.claims).toBe(0);
    });

    it('needs no claim of a worker whose run another has claimed', async () => {
      const queue = newQueue();
      let taken = Promise.withResolvers<string>();
      const onTaken = (runId: string) => taken.resolve(runId);
      const full = await (await suite.openProcess()).startWorker([queue], { room: 0, onTaken });
      await (await suite.openProcess()).startWorker([queue], { onTaken });
      await suite.submit(queue);
      await taken.promise;
      await passThrough(suite, newQueue());
      full.room = 1;
      full.wake();
      taken = Promise.withResolvers();
      const second = await suite.submit(queue);
      expect(await taken.promise).toBe(second);
      expect(full.claims).toBeLessThanOrEqual(1);
    });

    it.runIf(backend.usesListen)('gives a run that was queued while its worker could not hear it', async () => {
      const queue = newQueue();
      const worker = await (await suite.openProcess()).startWorker([queue]);
      const message = { runId: createId(), queue, priority: 0, startAfter: null };
      await suite.database.sql.transaction().execute((trx) => suite.runs.enqueueAll(trx, [message]));
      await breakListening(suite.database);
      expect(await within(AT_ONCE_MS * 2, worker.next())).toBe(message.runId);
    });

    it('gives a run that a worker was claiming when it died', async () => {
      const queue = newQueue();
      const [dying, other] = [await suite.openProcess(), await suite.openProcess()];
      const worker = await other.startWorker([queue], { room: 0 });
      const runId = await suite.submit(queue);
      const taken = Promise.withResolvers<{ runIds: string[]; pid: number }>();
      const isDead = Promise.withResolvers<never>();
      const claim = dying.database.sql.transaction().execute(async (trx) => {
        const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
        taken.resolve({ runIds: await dying.queue.take(trx, { queue, limit: 1 }), pid: rows[0]!.pid });
        await isDead.promise;
      });
      const { runIds, pid } = await taken.promise;
      expect(runIds).toEqual([runId]);
      worker.room = 1;
      worker.wake();
      await expect.poll(() => worker.claims, { interval: 5, timeout: 10_000 }).toBeGreaterThan(0);
      expect(worker.runIds).toEqual([]);
      // The server rolls back the transaction of a connection that is gone.
      await sql`select pg_terminate_backend(${pid})`.execute(suite.database.sql);
      isDead.reject(new Error('the worker is dead'));
      await expect(claim).rejects.toThrow();
      expect(await within(AFTER_CHECK_MS, worker.next())).toBe(runId);
    });

    it('does not hear another database of the same server', async () => {
      const queue = newQueue();
      const neighbour = await suite.openNeighbour();
      const worker = await neighbour.startWorker([queue]);
      for (let times = 0; times < 5; times++) await suite.submit(queue);
      const own = await neighbour.submit(queue);
      expect(await within(AT_ONCE_MS, worker.next())).toBe(own);
      expect(worker.claims).toBeLessThanOrEqual(2);
    });
  });
});

/** Rejects when `promise` takes longer, with the bound in the error. */
async function settleWithin<T>(boundMs: number, promise: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await promise;
  expect(performance.now() - startedAt).toBeLessThan(boundMs);
  return result;
}

/** Waits until all earlier wake-ups have arrived: a later one of another queue has. */
async function passThrough(suite: SuiteProcess, queue: string): Promise<void> {
  const worker = await suite.startWorker([queue]);
  await suite.submit(queue);
  await worker.next();
}
