import { sql } from 'kysely';
import { afterAll, describe, it, type ExpectStatic } from 'vitest';
import type { EventResource, LonghaulClient, RunResource } from '../src/client/client.ts';
import type { Database } from '../src/db/database.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { hang, say, turn, useTool, type ModelRequest, type Turn } from '../src/testing/index.ts';
import {
  createMachines,
  followToEnd,
  untilEnded,
  untilEvent,
  type Machine,
  type Machines,
} from './support/machines.ts';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.ts';

// Runs whose worker dies, sleeps or loses its database: real workers, each on a separate machine, and the real
// executable. The tests mostly wait for leases to expire, so they run concurrently.

const usage = { inputTokens: 1_000, outputTokens: 100 };

/** Milliseconds within which a lost worker is noticed and its runs are taken over. */
const TAKEOVER_MS = 30_000;

// The machines of all these tests start at once, which takes half a minute on a slow computer.
describe.concurrent('a run is done once', { timeout: 180_000 }, () => {
  const open: Machines[] = [];

  /** Starts machines whose model keeps the first call of a run waiting, after `first`, and answers the second. */
  async function createTakeover(first: (request: ModelRequest) => Turn, onSecond: () => unknown = () => {}) {
    let calls = 0;
    const machines = await createMachines(async (request) => {
      calls += 1;
      if (calls === 1) return first(request);
      await onSecond();
      return turn(say('taken over'), { usage });
    });
    open.push(machines);
    return machines;
  }

  afterAll(async () => {
    await Promise.all(open.map((machines) => machines[Symbol.asyncDispose]()));
  });

  it('by another worker within 30 s when its worker is killed, with no process left after 2 s', async ({ expect }) => {
    // By the turns of the conversation: a continued conversation does not request them again.
    const machines = await createMachines(({ turn: count }) => {
      if (count === 0) return turn(useTool('Bash', { command: 'echo "step one"' }), { usage });
      if (count > 1) return turn(say('taken over'), { usage });
      return turn(useTool('Bash', { command: 'setsid sleep 300 & tail -f /dev/null', timeout: 110_000 }), { usage });
    });
    open.push(machines);
    const { client, start, model } = machines;
    const first = await start('first');
    const run = await client.submit({ agent: 'doer', prompt: 'wait' });
    // The executable, a shell, the sleep in a separate session, and the tool in progress.
    await expect
      .poll(async () => (await first.findAttemptPids()).length, { timeout: 20_000 })
      .toBeGreaterThanOrEqual(4);
    await start('second');

    const killedAt = performance.now();
    first.kill('SIGKILL');
    await expect.poll(() => first.findAttemptPids(), { timeout: 2_000, interval: 50 }).toEqual([]);
    expect(await untilEnded(client, run.id)).toMatchObject({ status: 'succeeded', result: 'taken over', attempt: 2 });
    expect(performance.now() - killedAt).toBeLessThan(TAKEOVER_MS);
    await expectEndedOnce(expect, { client, id: run.id });
    // Paid turns are not repeated, nor is the tool call in progress: the model reads that its outcome is unknown.
    expect(model.requests).toHaveLength(3);
    const conversation = JSON.stringify(model.requests.at(-1)?.body.messages);
    expect(conversation.match(/"tool_use"/g)).toHaveLength(2);
    expect(conversation).toContain('step one');
    expect(conversation).toMatch(/outcome is unknown/);
  });

  it('by another worker when its worker sleeps for longer than its lease; once awake it ends its process and writes nothing', async ({
    expect,
  }) => {
    const { client, start, databaseUrl } = await createTakeover(() => hang({ after: say('half an answer') }));
    const first = await start('first', { worker: { maxStallSeconds: false } });
    const run = await client.submit({ agent: 'teller', prompt: 'wait' });
    await untilEvent(client, run.id, 'agent.text.delta');
    await start('second');

    first.kill('SIGSTOP');
    const stoppedAt = performance.now();
    expect(await untilEnded(client, run.id)).toMatchObject({ status: 'succeeded', result: 'taken over', attempt: 2 });
    expect(performance.now() - stoppedAt).toBeLessThan(TAKEOVER_MS);
    expect(await first.findAttemptPids()).not.toEqual([]);
    const before = await readEverything(databaseUrl, run.id);

    first.kill('SIGCONT');
    await expect.poll(() => first.findAttemptPids(), { timeout: 5_000, interval: 50 }).toEqual([]);
    first.kill('SIGTERM');
    expect(await first.ended).toMatchObject({ exitCode: 0 });
    expect(await readEverything(databaseUrl, run.id)).toEqual(before);
    await expectEndedOnce(expect, { client, id: run.id });
  });

  it('by another worker when its worker hangs, which its reaper ends with all its processes', async ({ expect }) => {
    const { client, start } = await createTakeover(() => hang({ after: say('half an answer') }));
    const first = await start('first');
    const run = await client.submit({ agent: 'teller', prompt: 'wait' });
    await untilEvent(client, run.id, 'agent.text.delta');
    await start('second');

    first.kill('SIGSTOP');
    expect(await first.ended).toMatchObject({ exitCode: null, stderr: expect.stringContaining('stood still') });
    await expect.poll(() => first.findAttemptPids(), { timeout: 2_000, interval: 50 }).toEqual([]);
    expect(await untilEnded(client, run.id)).toMatchObject({ status: 'succeeded', result: 'taken over', attempt: 2 });
    await expectEndedOnce(expect, { client, id: run.id });
  });

  it('by its finished answer when its worker is killed between the answer and the settlement', async ({ expect }) => {
    const { client, start, databaseUrl, model } = await createTakeover(() => turn(say('the answer'), { usage }));
    const database = await openPostgresDatabase({ url: databaseUrl });
    try {
      await delaySettlement(database);
      const first = await start('first');
      const run = await client.submit({ agent: 'teller', prompt: 'answer' });
      await expect.poll(() => findDelayed(database), { timeout: 20_000, interval: 50 }).not.toEqual([]);
      first.kill('SIGKILL');
      for (const pid of await findDelayed(database))
        await sql`select pg_terminate_backend(${pid})`.execute(database.sql);
      await start('second');

      expect(await untilEnded(client, run.id)).toMatchObject({ status: 'succeeded', result: 'the answer', attempt: 2 });
      // The answer is paid once, and readers receive it once.
      expect(model.requests).toHaveLength(1);
      expect(await client.run(run.id)).toMatchObject({ costUsd: 0.0045 });
      const events = await followToEnd(client, run.id);
      expect(events.filter(({ type }) => type === 'agent.text' || type === 'agent.text.abandoned')).toMatchObject([
        { type: 'agent.text', data: { text: 'the answer' } },
      ]);
      await expectEndedOnce(expect, { client, id: run.id });
    } finally {
      await database.close();
    }
  });

  describe('when the database goes away', () => {
    const proxies: TcpProxy[] = [];

    async function startProxy(databaseUrl: string) {
      const url = new URL(databaseUrl);
      const proxy = await startTcpProxy(Number(url.port));
      proxies.push(proxy);
      url.port = String(proxy.port);
      return { proxy, url: url.href };
    }

    afterAll(async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    });

    it('for a few seconds: its process continues, and no event is lost', async ({ expect }) => {
      const { client, start, databaseUrl } = await createTakeover(() =>
        turn(say('word '.repeat(80), { chunks: 80, chunkDelayMs: 100 }), { usage }),
      );
      const { proxy, url } = await startProxy(databaseUrl);
      await start('first', { databaseUrl: url });
      const run = await client.submit({ agent: 'teller', prompt: 'speak' });
      await untilEvent(client, run.id, 'agent.text.delta');
      proxy.shut();
      const reopened = after(4_000, () => proxy.reopen());
      const events = await followToEnd(client, run.id);
      await reopened;
      const said = events.flatMap((event) => (event.type === 'agent.text.delta' ? [event.data.text] : []));
      expect(said.join('')).toBe('word '.repeat(80));
      expect(await untilEnded(client, run.id)).toMatchObject({ status: 'succeeded', attempt: 1, costUsd: 0.0045 });
      await expectEndedOnce(expect, { client, id: run.id });
    });

    it('for longer than the lease: it gives up, and the run is done when the database is back', async ({ expect }) => {
      let first: Machine | undefined;
      let alive: number[] | undefined;
      const machines = await createTakeover(
        () => hang({ after: say('half an answer') }),
        async () => (alive ??= await first?.findAttemptPids()),
      );
      const { client, start, databaseUrl } = machines;
      const { proxy, url } = await startProxy(databaseUrl);
      first = await start('first', { databaseUrl: url });
      const run = await client.submit({ agent: 'teller', prompt: 'wait' });
      await untilEvent(client, run.id, 'agent.text.delta');
      proxy.shut();
      await expect.poll(() => first?.findAttemptPids(), { timeout: 20_000, interval: 100 }).toEqual([]);
      expect(await client.run(run.id)).toMatchObject({ status: 'running', attempt: 1 });
      await after(5_000, () => proxy.reopen());
      expect(await untilEnded(client, run.id)).toMatchObject({ status: 'succeeded', result: 'taken over', attempt: 2 });
      // The same worker continues the run: the first process was gone before the second called the model.
      expect(machines.model.requests).toHaveLength(2);
      expect(alive?.length).toBeGreaterThan(0);
      await expectEndedOnce(expect, { client, id: run.id });
    });

    it('for one worker only: its process is gone before another worker spends on the run', async ({ expect }) => {
      let first: Machine | undefined;
      let alive: number[] | undefined;
      const machines = await createTakeover(
        () => hang({ after: say('half an answer') }),
        async () => (alive ??= await first?.findAttemptPids()),
      );
      const { client, start, databaseUrl } = machines;
      const { proxy, url } = await startProxy(databaseUrl);
      first = await start('first', { databaseUrl: url });
      const run = await client.submit({ agent: 'teller', prompt: 'wait' });
      await untilEvent(client, run.id, 'agent.text.delta');
      await start('second');
      proxy.shut();
      const cutAt = performance.now();
      expect(await untilEnded(client, run.id)).toMatchObject({ status: 'succeeded', result: 'taken over', attempt: 2 });
      expect(performance.now() - cutAt).toBeLessThan(TAKEOVER_MS);
      expect(alive).toEqual([]);
      const before = await readEverything(databaseUrl, run.id);
      proxy.reopen();
      first.kill('SIGTERM');
      expect(await first.ended).toMatchObject({ exitCode: 0 });
      // The worker adds only that its run did not end it.
      const [lost, ...later] = before.attempts;
      expect(await readEverything(databaseUrl, run.id)).toEqual({
        ...before,
        attempts: [{ ...lost, worker_survived: true }, ...later],
      });
    });
  });
});

async function after(delayMs: number, act: () => void): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  act();
}

/** Expects a log without gaps and with one final event, and a cost that is the sum of the attempts' costs. */
async function expectEndedOnce(
  expect: ExpectStatic,
  { client, id }: { client: LonghaulClient; id: string },
): Promise<void> {
  const events: EventResource[] = await followToEnd(client, id);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.filter(({ type }) => /^run\.(succeeded|failed|cancelled)$/.test(type))).toEqual([events.at(-1)]);
  const run: RunResource = await client.run(id);
  const costs = run.attempts?.map(({ meteredCostUsd, reportedCostUsd }) =>
    Math.max(meteredCostUsd, reportedCostUsd ?? 0),
  );
  expect(run.costUsd).toBeCloseTo(costs?.reduce((sum, cost) => sum + cost, 0) ?? NaN, 6);
}

/** Makes the settlement of every success of a first attempt sleep in the database. */
async function delaySettlement({ sql: db }: Database): Promise<void> {
  await sql`create function longhaul.delay() returns trigger language plpgsql as
    $$ begin perform pg_sleep(6); return new; end $$`.execute(db);
  await sql`create trigger delay before update on longhaul.runs for each row
    when (new.status = 'succeeded' and new.attempt = 1) execute function longhaul.delay()`.execute(db);
}

/** Finds the database processes that sleep in a settlement. */
async function findDelayed({ sql: db }: Database): Promise<number[]> {
  const { rows } = await sql<{ pid: number }>`
    select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`.execute(db);
  return rows.map(({ pid }) => pid);
}

/** Reads every record of a run. */
async function readEverything(databaseUrl: string, id: string) {
  const database = await openPostgresDatabase({ url: databaseUrl });
  try {
    return {
      run: await database.sql.selectFrom('longhaul.runs').selectAll().where('id', '=', id).execute(),
      attempts: await database.sql
        .selectFrom('longhaul.attempts')
        .selectAll()
        .where('run_id', '=', id)
        .orderBy('number')
        .execute(),
      events: await database.sql
        .selectFrom('longhaul.run_events')
        .selectAll()
        .where('run_id', '=', id)
        .orderBy('seq')
        .execute(),
      ledger: await database.sql
        .selectFrom('longhaul.ledger_entries')
        .selectAll()
        .where('run_id', '=', id)
        .orderBy('attempt')
        .execute(),
    };
  } finally {
    await database.close();
  }
}
