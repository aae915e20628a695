import { afterAll, describe, it, type ExpectStatic } from 'vitest';
import type { LonghaulClient } from '../src/client/client.ts';
import { hang, say, useTool, type ModelRequest } from '../src/testing/index.ts';
import { createMachines, followToEnd, untilEnded, untilEvent, type Machines } from './support/machines.ts';

// Conversations that move to another worker: real workers, each on a separate machine, and the real executable.

const bash = (command: string) => useTool('Bash', { command, description: 'work', timeout: 100_000 });
const messagesOf = (request: ModelRequest | undefined) => JSON.stringify(request?.body['messages']);
const timesIn = (text: string, part: string) => text.split(part).length - 1;

// Each test waits for a lease to expire, and they share two processors.
describe.concurrent('a conversation', { timeout: 120_000 }, () => {
  const open: Machines[] = [];

  afterAll(async () => {
    await Promise.all(open.map((machines) => machines[Symbol.asyncDispose]()));
  });

  async function create(script: Parameters<typeof createMachines>[0]): Promise<Machines> {
    const machines = await createMachines(script);
    open.push(machines);
    return machines;
  }

  it('continues at another worker, when its first worker is gone', async ({ expect }) => {
    const { client, start, model } = await create([say('I am Bea.'), say('Still Bea.')]);
    const first = await start('first');
    const run = await client.submit({ agent: 'teller', prompt: 'Who are you?', user: 'ann' });
    await untilEnded(client, run.id);
    first.kill('SIGTERM');
    await first.ended;
    await start('second');
    const next = await client.submit({ agent: 'teller', prompt: 'And now?', sessionId: run.sessionId });
    expect(await untilEnded(client, next.id)).toMatchObject({ status: 'succeeded', result: 'Still Bea.', turns: 1 });
    const asked = messagesOf(model.requests.at(-1));
    expect(asked).toContain('Who are you?');
    expect(asked).toContain('I am Bea.');
  });

  it('has a message once if its worker was killed before the model had it', async ({ expect }) => {
    // By its calls, because the part of the first turn that the transcript has when its worker dies varies.
    let calls = 0;
    const { client, start, model } = await create(() => {
      calls += 1;
      return [bash('tail -f /dev/null'), bash('sleep 1')][calls - 1] ?? say('done');
    });
    const first = await start('first');
    const run = await client.submit({ agent: 'steered', prompt: 'Begin.', user: 'ann' });
    await untilEvent(client, run.id, 'agent.tool_use');
    expect((await client.sendMessage(run.id, { prompt: 'Make it blue.' })).id).toBe(run.id);
    first.kill('SIGKILL');
    await start('second');
    expect(await untilEnded(client, run.id)).toMatchObject({ status: 'succeeded', result: 'done', attempt: 2 });
    expect(timesIn(messagesOf(model.requests.at(-1)), 'Make it blue.')).toBe(1);
    await expectSaidOnce(expect, { client, id: run.id, attempt: 2 });
  });

  it('has a message once if its worker was killed after the model had it', async ({ expect }) => {
    // The third call comes from the second worker. It uses a tool: the transcript may not have the message yet.
    let calls = 0;
    const { client, start, model } = await create(() => {
      calls += 1;
      return [bash('sleep 3'), hang(), bash('sleep 1')][calls - 1] ?? say('done');
    });
    const first = await start('first');
    const run = await client.submit({ agent: 'steered', prompt: 'Begin.', user: 'ann' });
    await untilEvent(client, run.id, 'agent.tool_use');
    await client.sendMessage(run.id, { prompt: 'Make it blue.' });
    await untilEvent(client, run.id, 'run.message');
    await expect.poll(() => calls, { timeout: 10_000 }).toBe(2);
    first.kill('SIGKILL');
    await start('second');
    expect(await untilEnded(client, run.id)).toMatchObject({ status: 'succeeded', result: 'done', attempt: 2 });
    expect(timesIn(messagesOf(model.requests.at(-1)), 'Make it blue.')).toBe(1);
    await expectSaidOnce(expect, { client, id: run.id, attempt: 1 });
  });

  /** Expects a single event, in that attempt, and no other run. */
  async function expectSaidOnce(
    expect: ExpectStatic,
    { client, id, attempt }: { client: LonghaulClient; id: string; attempt: number },
  ): Promise<void> {
    const events = await followToEnd(client, id);
    const said = events.filter(({ type }) => type === 'run.message');
    expect(said).toMatchObject([{ attempt, data: { text: 'Make it blue.' } }]);
    const { sessionId } = await client.run(id);
    expect((await client.runs({ sessionId })).data).toHaveLength(1);
    const { messages } = await client.session(sessionId);
    expect(timesIn(JSON.stringify(messages.data), 'Make it blue.')).toBe(1);
  }
});
