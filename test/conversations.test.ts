import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { say, startTestLonghaul, useTool, type ModelRequest, type TestLonghaul } from '../src/testing/index.ts';

// Conversations of several runs: the real executable, the real server and worker, a scripted model.

const tools = ['Bash'];
const bash = (command: string) => useTool('Bash', { command, description: 'work' });

/** Returns the conversation that the model sees, without Claude Code's additions. */
function saidIn({ body }: Pick<ModelRequest, 'body'>): string[] {
  const messages = body['messages'] as { role: string; content: unknown }[];
  return messages
    .filter(({ role }) => role !== 'system')
    .flatMap(({ content }) =>
      typeof content === 'string' ? [content] : (content as { text?: string }[]).map(({ text = '' }) => text),
    )
    .filter((text) => text !== '' && !text.startsWith('<system-reminder>') && !text.startsWith('<total_tokens>'));
}

describe('a conversation', () => {
  let service: TestLonghaul;

  beforeAll(async () => {
    service = await startTestLonghaul({
      config: {
        agents: Object.fromEntries(
          (['enqueue', 'reject', 'interrupt', 'steer'] as const).map((whileBusy) => [
            whileBusy,
            { tools, whileBusy, prewarm: false as const },
          ]),
        ),
        limits: { perUser: { runsPerMinute: 1_000 } },
      },
      script: ({ body }) => {
        const said = saidIn({ body });
        const [, wait] = /^WAIT (\S+)/.exec(said.at(-1) ?? '') ?? [];
        // A use of a tool that ends when its file exists.
        if (wait !== undefined && !JSON.stringify(body['messages']).includes('tool_result'))
          return bash(`until [ -e ${wait} ]; do sleep 0.1; done; echo ended ${wait}`);
        return say(`Answer to: ${said.join(' | ')}`);
      },
    });
  });

  afterAll(() => service.stop());

  const end = (id: string) => service.client.run(id, { waitSeconds: 50 });
  const submit = async (prompt: string, more: object = {}) =>
    service.client.submit({ agent: 'enqueue', prompt, user: 'ann', ...more });
  const untilToolOf = async (id: string) => {
    for await (const event of service.client.stream(id)) if (event.type === 'agent.tool_use') return;
  };
  const eventsOf = async (id: string) => {
    const events = [];
    for await (const event of service.client.stream(id)) events.push(event);
    return events;
  };

  /** Ends a run's tool. */
  async function touch(name: string, runId: string): Promise<void> {
    for await (const event of service.client.stream(runId)) {
      if (event.type !== 'agent.init') continue;
      return writeFile(path.join(event.data.cwd, name), '');
    }
  }

  it('continues with another run, which has separate cost and turns', async () => {
    const first = await end((await submit('First.')).id);
    expect(first).toMatchObject({ status: 'succeeded', result: 'Answer to: First.' });
    const second = await end((await submit('Two.', { sessionId: first.sessionId, user: undefined })).id);
    expect(second).toMatchObject({ status: 'succeeded', sessionId: first.sessionId, user: 'ann', turns: 1 });
    expect(second.result).toBe('Answer to: First. | Answer to: First. | Two.');
    expect(second.costUsd).toBeLessThan(first.costUsd * 1.9);
  });

  it('is forked while its base continues', async () => {
    const first = await end((await submit('Base.')).id);
    const fork = await end((await submit('Left.', { sessionId: first.sessionId, fork: true })).id);
    const base = await end((await submit('Right.', { sessionId: first.sessionId })).id);
    expect(fork.sessionId).not.toBe(first.sessionId);
    expect(fork.result).toContain('Base.');
    expect(base.result).toContain('Base.');
    expect(base.result).not.toContain('Left.');
  });

  it('keeps the order of runs that are submitted at once', async () => {
    const first = await end((await submit('A.')).id);
    const { sessionId } = first;
    const later = await Promise.all(['B.', 'C.', 'D.'].map((prompt) => submit(prompt, { sessionId })));
    const ended = await Promise.all(later.map(({ id }) => end(id)));
    expect(ended.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    const results = ended.map(({ result }) => result!.split(' | ').length).toSorted((a, b) => a - b);
    expect(new Set(results).size).toBe(3);
  });

  it('delivers a message to a running run with its tool, once, if its agent has steer', async () => {
    const run = await submit('WAIT go1', { agent: 'steer' });
    await untilToolOf(run.id);
    const answer = await service.client.sendMessage(run.id, { prompt: 'And blue.' });
    expect(answer.id).toBe(run.id);
    await touch('go1', run.id);
    const ended = await end(run.id);
    expect(ended.status).toBe('succeeded');
    // Delivered with the tool's result, and not as a turn.
    expect(JSON.stringify(service.model.requests.at(-1)?.body['messages'])).toContain('And blue.');
    expect(ended.turns).toBe(2);
    const told = (await eventsOf(run.id)).filter(({ type }) => type === 'run.message');
    expect(told).toMatchObject([{ data: { messageId: answer.messageId, text: 'And blue.' } }]);
    const { data } = await service.client.runs({ sessionId: run.sessionId });
    expect(data).toHaveLength(1);
  });

  it('turns a message that no tool delivered into a run', async () => {
    const first = await submit('Slow.', { agent: 'steer' });
    for await (const event of service.client.stream(first.id)) {
      if (event.type === 'run.started') break;
    }
    const say = () => service.client.sendMessage(first.id, { prompt: 'Later.' }, { idempotencyKey: 'later' });
    const { id, messageId } = await say();
    expect(id).toBe(first.id);
    expect(await say()).toMatchObject({ id, messageId });
    await end(first.id);
    const { data } = await service.client.runs({ sessionId: first.sessionId });
    expect(data).toHaveLength(2);
    // The sender can find its outcome.
    expect(data[0]!.id).toBe(messageId);
    expect((await say()).id).toBe(messageId);
    const promoted = await end(messageId!);
    expect(promoted).toMatchObject({ status: 'succeeded', prompt: 'Later.', user: 'ann' });
    expect(promoted.result).toBe('Answer to: Slow. | Answer to: Slow. | Later.');
  });

  it('rejects a second run, if its agent has reject', async () => {
    const run = await submit('WAIT go2', { agent: 'reject' });
    await untilToolOf(run.id);
    await expect(submit('Again.', { agent: 'reject', sessionId: run.sessionId })).rejects.toMatchObject({
      code: 'session_busy',
      status: 409,
    });
    await touch('go2', run.id);
    await end(run.id);
    const next = await end((await submit('Again.', { agent: 'reject', sessionId: run.sessionId })).id);
    expect(next.status).toBe('succeeded');
  });

  it('continues after an interruption with the messages before it', async () => {
    const run = await submit('WAIT go3', { agent: 'interrupt' });
    await untilToolOf(run.id);
    const next = await service.client.sendMessage(run.id, { prompt: 'Never mind.' });
    expect(next.id).not.toBe(run.id);
    expect(await end(run.id)).toMatchObject({ status: 'cancelled' });
    const ended = await end(next.id);
    expect(ended.status).toBe('succeeded');
    expect(ended.result).toContain('WAIT go3');
    expect(ended.result).toContain('Never mind.');
  });

  it('continues at its end with a run that is tried again by hand', async () => {
    const run = await submit('WAIT go4');
    await untilToolOf(run.id);
    const behind = await submit('Behind.', { sessionId: run.sessionId });
    await service.client.cancel(run.id);
    await end(run.id);
    await end(behind.id);
    const retried = await service.client.retry(run.id);
    expect(retried.sessionId).toBe(run.sessionId);
    expect(await end(retried.id)).toMatchObject({ status: 'succeeded' });
  });

  it('is read with its runs and messages, and does not exist for others', async () => {
    const first = await end((await submit('Read me.')).id);
    const { sessionId } = first;
    await end((await submit('And me.', { sessionId })).id);
    const session = await service.client.session(sessionId);
    expect(session).toMatchObject({ id: sessionId, agent: 'enqueue', user: 'ann', forkedFrom: null });
    expect(session.runs.data.map(({ prompt }) => prompt)).toEqual(['And me.', 'Read me.']);
    expect(session.messages.data.map(({ role, content }) => [role, content[0]])).toEqual([
      ['user', { type: 'text', text: 'Read me.' }],
      ['assistant', { type: 'text', text: 'Answer to: Read me.' }],
      ['user', { type: 'text', text: 'And me.' }],
      ['assistant', { type: 'text', text: expect.stringContaining('And me.') }],
    ]);
    const [page, rest] = [
      await service.client.session(sessionId, { limit: 1 }),
      await service.client.session(sessionId, { limit: 1, after: session.messages.data.length }),
    ];
    expect(page.messages.nextCursor).not.toBeNull();
    expect(rest.messages.data).toHaveLength(1);
    await expect(submit('Mine?', { sessionId, user: 'bob' })).rejects.toMatchObject({ code: 'session_not_found' });
    await expect(submit('Mine?', { sessionId, agent: 'steer' })).rejects.toMatchObject({ code: 'session_mismatch' });
    await expect(service.client.session(first.id)).rejects.toMatchObject({ code: 'session_not_found' });
    const { data } = await service.client.sessions({ user: 'ann', agent: 'enqueue' });
    expect(data.map(({ id }) => id)).toContain(sessionId);
    expect((await service.client.sessions({ user: 'nobody' })).data).toEqual([]);
  });
});
