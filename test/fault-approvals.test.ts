import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, describe, it, type ExpectStatic } from 'vitest';
import type { ApprovalResource } from '../src/client/client.ts';
import { say, useTool } from '../src/testing/index.ts';
import { createMachines, untilEnded, type Machines } from './support/machines.ts';

// What becomes of a tool use that waits for a person when machines come and go. They mostly wait for leases to run out,
// so they wait together.

const TIMEOUT_MS = 90_000;

describe.concurrent('a decision survives', () => {
  const open: Machines[] = [];

  async function create() {
    let use = useTool('Bash', { command: 'true' });
    const machines = await createMachines(({ turn: count, body }) => {
      const { messages } = body as { messages: unknown[] };
      const isAllowed = JSON.stringify(messages.at(-1)).includes('Allowed: use it again now');
      return count === 0 || isAllowed ? use : say('Done.');
    });
    open.push(machines);
    const file = path.join(machines.directory, 'log.txt');
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

  afterAll(async () => {
    await Promise.all(open.map((machines) => machines[Symbol.asyncDispose]()));
  });

  it('that no process waits: another machine goes on', { timeout: TIMEOUT_MS }, async ({ expect }) => {
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

  it('that its machine dies while it waits with a process', { timeout: TIMEOUT_MS }, async ({ expect }) => {
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

  it('that its machine dies right after it', { timeout: TIMEOUT_MS }, async ({ expect }) => {
    const machines = await create();
    const first = await machines.start('first');
    const run = await machines.client.submit({ agent: 'holding', prompt: 'Go.' });
    const approval = await untilAsked(expect, machines, run.id);
    // Stopped, it cannot take it up.
    first.kill('SIGSTOP');
    await machines.client.approve(approval.id);
    first.kill('SIGKILL');
    await machines.start('second');
    await expectDone(expect, machines, run.id);
  });

  it('that its machine is stopped while it waits', { timeout: TIMEOUT_MS }, async ({ expect }) => {
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
