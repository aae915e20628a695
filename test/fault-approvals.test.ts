import { readFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { afterAll, describe, it, type ExpectStatic } from 'vitest';
import type { ApprovalResource } from '../src/client/client.ts';
import { CONTINUATION } from '../src/core/own-words.ts';
import { say, useTool } from '../src/testing/index.ts';
import { createMachines, untilEnded, type Machines } from './support/machines.ts';

// Tool uses that wait for a person while machines stop and start. The tests mostly wait for leases to expire, so they
// run concurrently.

const TIMEOUT_MS = 90_000;

/** The text of Claude Code, or Longhaul, about a tool that was cut off. */
const NOBODY_KNOWS = /Tool call interrupted[^"]*outcome is unknown|used these tools, and was interrupted/;

describe.concurrent('a decision survives', () => {
  const open: Machines[] = [];

  /** Starts machines whose model uses a tool, and again when the use was allowed or its outcome is unknown. */
  async function create() {
    let use = useTool('Bash', { command: 'true' });
    const machines = await createMachines(({ turn: count, body }) => {
      const { messages } = body as { messages: unknown[] };
      const last = JSON.stringify(messages.at(-1));
      const isTakenUp = last.includes(CONTINUATION) && NOBODY_KNOWS.test(JSON.stringify(messages));
      return count === 0 || last.includes('Allowed: use it again now') || isTakenUp ? use : say('Done.');
    });
    open.push(machines);
    const file = path.join(machines.sharedDir, 'log.txt');
    use = useTool('Bash', { command: `echo done >> ${file}`, description: 'the step' });
    return { ...machines, readLog: () => readFile(file, 'utf8').catch(() => '') };
  }

  async function untilAsked(expect: ExpectStatic, { client }: Machines, runId: string): Promise<ApprovalResource> {
    const list = async () => (await client.approvals({ runId, status: 'pending' })).data;
    await expect.poll(async () => (await list()).length, { timeout: TIMEOUT_MS }).toBe(1);
    const [approval] = await list();
    return approval!;
  }

  const untilParked = (expect: ExpectStatic, { client }: Machines, runId: string) =>
    expect
      .poll(() => client.run(runId), { timeout: TIMEOUT_MS })
      .toMatchObject({ status: 'waiting', waitingFor: 'approval' });

  const expectDone = async (expect: ExpectStatic, machines: Awaited<ReturnType<typeof create>>, runId: string) => {
    expect(await untilEnded(machines.client, runId)).toMatchObject({ status: 'succeeded', result: 'Done.' });
    expect(await machines.readLog()).toBe('done\n');
    const { data } = await machines.client.approvals({ runId });
    expect(data).toMatchObject([{ status: 'allowed' }]);
    const types: string[] = [];
    for await (const { type } of machines.client.stream(runId)) types.push(type);
    expect(types.filter((type) => type.startsWith('approval.'))).toEqual(['approval.requested', 'approval.resolved']);
  };

  /** Blocks the use of a decision in the middle, until it is released. */
  async function holdTakingUp(expect: ExpectStatic, { databaseUrl }: Machines) {
    const connection = new pg.Client({ connectionString: databaseUrl });
    // If the test fails, its database is dropped first.
    connection.on('error', () => {});
    await connection.connect();
    await connection.query(`
      create function longhaul.hold() returns trigger language plpgsql as $$
        begin perform pg_advisory_xact_lock_shared(7); return new; end $$;
      create trigger hold before update of consumed_at on longhaul.approvals
        for each row execute function longhaul.hold();
      select pg_advisory_lock(7)`);
    const count = async (query: string) => (await connection.query(query)).rowCount;
    return {
      begun: () =>
        expect
          .poll(
            () =>
              count(`select from pg_locks where locktype = 'advisory' and not granted
              and database = (select oid from pg_database where datname = current_database())`),
            {
              timeout: TIMEOUT_MS,
            },
          )
          .toBe(1),
      /** The statement continues even if its client has died: PostgreSQL checks the client only afterwards. */
      async goOn() {
        await connection.query('select pg_advisory_unlock(7)');
        await expect
          .poll(() => count('select from longhaul.approvals where consumed_at is not null'), { timeout: TIMEOUT_MS })
          .toBe(1);
      },
      /** As for an agent with retries. */
      allowAttempts: (runId: string) =>
        connection.query(
          `update longhaul.runs set max_attempts = 3, retry_policy = (retry_policy::jsonb || '{"maxAttempts":3}')::json
            where id = $1`,
          [runId],
        ),
      [Symbol.asyncDispose]: () => connection.end(),
    };
  }

  afterAll(async () => {
    await Promise.all(open.map((machines) => machines[Symbol.asyncDispose]()));
  });

  it('without a process: another machine continues', { timeout: TIMEOUT_MS }, async ({ expect }) => {
    const machines = await create();
    const first = await machines.start('first');
    const run = await machines.client.submit({ agent: 'parking', prompt: 'Go.' });
    const approval = await untilAsked(expect, machines, run.id);
    await untilParked(expect, machines, run.id);
    expect(await first.findAttemptPids()).toEqual([]);
    first.kill('SIGTERM');
    await first.ended;
    await machines.client.approve(approval.id);
    await machines.start('second');
    await expectDone(expect, machines, run.id);
  });

  it('the death of its machine while it waits with a process', { timeout: TIMEOUT_MS }, async ({ expect }) => {
    const machines = await create();
    const first = await machines.start('first');
    const run = await machines.client.submit({ agent: 'holding', prompt: 'Go.' });
    const approval = await untilAsked(expect, machines, run.id);
    first.kill('SIGKILL');
    await machines.start('second');
    await untilParked(expect, machines, run.id);
    await machines.client.approve(approval.id);
    await expectDone(expect, machines, run.id);
  });

  it('the death of its machine right after it', { timeout: TIMEOUT_MS }, async ({ expect }) => {
    const machines = await create();
    const first = await machines.start('first');
    const run = await machines.client.submit({ agent: 'holding', prompt: 'Go.' });
    const approval = await untilAsked(expect, machines, run.id);
    // A stopped worker cannot use the decision.
    first.kill('SIGSTOP');
    await machines.client.approve(approval.id);
    first.kill('SIGKILL');
    await machines.start('second');
    await expectDone(expect, machines, run.id);
  });

  it(
    'the death of its machine before the tool began: the tool is not used twice, and the model reads that the outcome is unknown',
    async ({ expect }) => {
      const machines = await create();
      const { client, model, start } = machines;
      const first = await start('first');
      await using takingUp = await holdTakingUp(expect, machines);
      const run = await client.submit({ agent: 'holding', prompt: 'Go.' });
      const approval = await untilAsked(expect, machines, run.id);
      await takingUp.allowAttempts(run.id);
      await client.approve(approval.id);
      await takingUp.begun();
      first.kill('SIGKILL');
      await first.ended;
      await takingUp.goOn();
      expect(await machines.readLog()).toBe('');
      await start('second');
      // The use is requested again, and done when it is allowed again.
      const again = await untilAsked(expect, machines, run.id);
      expect(again).toMatchObject({ attempt: 2, tool: { input: approval.tool.input } });
      expect(JSON.stringify(model.requests.at(-1)?.body)).toMatch(NOBODY_KNOWS);
      expect(await machines.readLog()).toBe('');
      await client.approve(again.id);
      expect(await untilEnded(client, run.id)).toMatchObject({ status: 'succeeded', result: 'Done.', attempt: 2 });
      expect(await machines.readLog()).toBe('done\n');
      expect((await client.approvals({ runId: run.id })).data).toMatchObject([{ id: again.id }, { id: approval.id }]);
    },
    TIMEOUT_MS,
  );

  it('a stop of its machine while it waits', { timeout: TIMEOUT_MS }, async ({ expect }) => {
    const machines = await create();
    const first = await machines.start('first');
    const run = await machines.client.submit({ agent: 'holding', prompt: 'Go.' });
    const approval = await untilAsked(expect, machines, run.id);
    first.kill('SIGTERM');
    await untilParked(expect, machines, run.id);
    await first.ended;
    await machines.client.approve(approval.id);
    await machines.start('second');
    await expectDone(expect, machines, run.id);
  });
});
