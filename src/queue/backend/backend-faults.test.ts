import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBackend, SERVER_BACKENDS, setPaused, type SuiteDatabase } from '../conformance.fixture.ts';
import { closeServers, type BackendServer } from './servers.fixture.ts';

afterAll(closeServers);

const NAMES = Array.from({ length: 12 }, (_, index) => `queue-${index}`);

/** Workers of this suite check the database by themselves only when they start, or know that the backend is away. */
const NEVER_MS = 600_000;

describe.each(SERVER_BACKENDS)('a queue on $name', (backend) => {
  let suite: SuiteDatabase;
  let server: BackendServer;
  const unused = [...NAMES];
  const newQueue = () => unused.pop()!;
  const startWorker = (queues: readonly string[], room = 10) =>
    suite.startWorker(queues, { room, checkEveryMs: NEVER_MS });
  const announce = (queue: string) =>
    suite.database.sql.transaction().execute((trx) => suite.queue.announce(trx, queue));
  const countUndelivered = (queue: string) => suite.queue.countUndelivered(queue);

  beforeAll(async () => {
    suite = await openBackend(backend, NAMES);
    server = suite.server!;
  });
  afterAll(() => suite.close());

  /** Returns the time in ms that `work` takes. */
  const timeOf = async (work: () => Promise<unknown>) => {
    const startedAt = performance.now();
    await work();
    return performance.now() - startedAt;
  };

  /** Resolves once the process knows that the backend answers, or that it does not. */
  const untilAway = (isAway: boolean) =>
    expect.poll(() => suite.queue.backend.isAway, { interval: 20, timeout: 15_000 }).toBe(isAway);

  it('sends a wake-up for a delayed run that becomes due while only a server is alive', async () => {
    const queue = newQueue();
    await suite.submit(queue, { startAfter: new Date(Date.now() + 700) });
    expect(await countUndelivered(queue)).toBe(0);
    await expect.poll(() => countUndelivered(queue), { interval: 50, timeout: 3_000 }).toBe(1);
  });

  it('replaces wake-ups that were lost while no worker was alive', async () => {
    const queue = newQueue();
    for (let index = 0; index < 5; index++) await suite.submit(queue);
    await expect.poll(() => countUndelivered(queue), { interval: 20, timeout: 3_000 }).toBe(5);
    await server.flush();
    expect(await countUndelivered(queue)).toBe(0);
    const lostAt = performance.now();
    await expect.poll(() => countUndelivered(queue), { interval: 50, timeout: 15_000 }).toBe(5);
    expect(performance.now() - lostAt).toBeLessThan(8_000);
  });

  it('needs few claims for a paused queue, sends it no wake-ups, and wakes all workers when it is resumed', async () => {
    const queue = newQueue();
    await setPaused(suite.database, queue, true);
    for (let index = 0; index < 20; index++) await suite.submit(queue);
    // A paused queue is not the claim's business here, so this worker only counts.
    let claims = 0;
    const claim = () => {
      claims++;
      return Promise.resolve({ wasEmpty: true, isMore: false });
    };
    const counting = await suite.startWorker([queue], { checkEveryMs: NEVER_MS, claim });
    await expect.poll(() => countUndelivered(queue), { interval: 20, timeout: 10_000 }).toBe(0);
    expect(claims).toBeLessThanOrEqual(20);
    const before = claims;
    // Longer than the interval at which lost wake-ups are replaced.
    await new Promise((resolve) => setTimeout(resolve, 7_000));
    expect(claims).toBe(before);
    await counting.stop();

    await setPaused(suite.database, queue, false);
    await announce(queue);
    const { waiting } = (await suite.queue.depth([queue]))[0]!;
    expect(waiting).toBe(20);
    await expect.poll(() => countUndelivered(queue), { interval: 20, timeout: 3_000 }).toBe(20);
  });

  it('counts about as many wake-ups as runs wait, and none when none waits', async () => {
    const queue = newQueue();
    for (let index = 0; index < 40; index++) await suite.submit(queue);
    const worker = await startWorker([queue], 1);
    for (let index = 0; index < 40; index++) {
      await worker.next();
      if (index === 19) {
        worker.room = 0;
        await expect
          .poll(async () => Math.abs((await countUndelivered(queue))! - (40 - worker.runIds.length)), {
            timeout: 3_000,
          })
          .toBeLessThanOrEqual(2);
        worker.room = 1;
      }
      worker.wake();
    }
    await expect.poll(() => countUndelivered(queue), { interval: 20, timeout: 5_000 }).toBe(0);
    await worker.stop();
  });

  it('gives the next run to another worker while a stopping worker still waits for a wake-up', async () => {
    const queue = newQueue();
    const stopping = await startWorker([queue]);
    const first = await suite.submit(queue);
    expect(await stopping.next()).toBe(first);
    expect(await timeOf(() => stopping.stop())).toBeLessThan(1_000);
    const other = await startWorker([queue]);
    for (let index = 0; index < 5; index++) {
      const submitted = performance.now();
      const runId = await suite.submit(queue);
      expect(await other.next()).toBe(runId);
      expect(performance.now() - submitted).toBeLessThan(1_000 + backend.slowMs);
    }
    expect(stopping.runIds).toEqual([first]);
  });

  it('serves a queue beside another that always has runs', async () => {
    const [busy, quiet] = [newQueue(), newQueue()];
    for (let index = 0; index < 30; index++) await suite.submit(busy);
    const quietRun = await suite.submit(quiet);
    const worker = await startWorker([busy, quiet], 1);
    let place = 0;
    for (;;) {
      place++;
      if ((await worker.next()) === quietRun) break;
      worker.wake();
    }
    expect(place).toBeLessThan(25);
    await worker.stop();
  });

  it('delays runs by seconds and submissions not at all while the backend is away, and loses none', async () => {
    const queue = newQueue();
    const worker = await startWorker([queue]);
    const usual = await timeOf(() => suite.submit(queue));
    await worker.next();

    await server.kill();
    let slowest = 0;
    for (let index = 0; index < 5; index++) {
      slowest = Math.max(slowest, await timeOf(() => suite.submit(queue)));
      expect(await timeOf(() => worker.next())).toBeLessThan(8_500);
    }
    expect(slowest).toBeLessThan(usual + 300);
    expect(await countUndelivered(queue)).toBeNull();

    await server.start();
    await untilAway(false);
    const runId = await suite.submit(queue);
    expect(await timeOf(async () => expect(await worker.next()).toBe(runId))).toBeLessThan(1_000 + backend.slowMs);
    await worker.stop();
  });

  it('notices a backend that is silent, and gives the run all the same', async () => {
    const queue = newQueue();
    const worker = await startWorker([queue]);
    await suite.submit(queue);
    await worker.next();
    server.freeze();
    try {
      expect(await timeOf(() => suite.submit(queue))).toBeLessThan(300);
      expect(await timeOf(() => worker.next())).toBeLessThan(server.silenceMs);
    } finally {
      server.thaw();
    }
    await untilAway(false);
    await worker.stop();
  });

  it('starts while the backend is away, and uses it once it is there', async () => {
    const queue = newQueue();
    await server.kill();
    const process = await suite.openProcess();
    const worker = await process.startWorker([queue], { checkEveryMs: NEVER_MS });
    await expect.poll(() => process.queue.backend.isAway, { interval: 20, timeout: 10_000 }).toBe(true);
    await process.submit(queue);
    expect(await timeOf(() => worker.next())).toBeLessThan(4_500);
    await server.start();
    await expect.poll(() => process.queue.backend.isAway, { interval: 20, timeout: 5_000 }).toBe(false);
    await process.submit(queue);
    expect(await timeOf(() => worker.next())).toBeLessThan(1_000 + backend.slowMs);
    await worker.stop();
  });
});
