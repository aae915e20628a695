import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Anthropic from 'anthropic-1.14';
import Anthropic112 from 'anthropic-1.12';
import Anthropic0120 from 'anthropic-0.120';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { say, startTestLonghaul, turn, useTool, type TestLonghaul } from '../src/testing/index.ts';

type Event = Anthropic.Beta.Sessions.BetaManagedAgentsSessionEvent;

/** Sessions of the official client on the real Claude Code. */
describe('the official Anthropic client', () => {
  let test: TestLonghaul;
  let client: Anthropic;
  beforeAll(async () => {
    test = await startTestLonghaul({
      config: {
        agents: {
          managed: {
            prewarm: false,
            tools: ['Read', 'Bash'],
            workspace: { root: await mkdtemp(path.join(tmpdir(), 'longhaul-managed-')), mode: 'perSession' },
            limits: { maxPromptLength: 100_000 },
            approvals: { holdSeconds: 5 },
            sandbox: false,
          },
          helper: { tools: ['Read'], systemPrompt: 'You help.' },
        },
        managedAgents: { template: 'managed' },
      },
      script(request) {
        const text = JSON.stringify(request.body.messages.at(-1));
        if (text.includes('tool_result')) return say('Done.');
        if (text.includes('wait for me')) return useTool('Bash', { command: 'sleep 30' });
        if (text.includes('list files')) return turn([say('Let me look.'), useTool('Bash', { command: 'echo found' })]);
        return say(`You said: ${text.includes('hello') ? 'hello' : 'something'}.`, { chunks: 5 });
      },
    });
    client = createClient(Anthropic);
  });
  afterAll(() => test.stop());

  function createClient(Client: unknown, apiKey = test.apiKey): Anthropic {
    const options = {
      baseURL: 'http://longhaul.test/anthropic',
      apiKey,
      authToken: null,
      fetch: async (url: string | URL | Request, init?: RequestInit) => test.longhaul.fetch(new Request(url, init)),
    };
    return new (Client as typeof Anthropic)(options);
  }

  it.each([
    ['1.14', Anthropic],
    ['1.12', Anthropic112],
    ['0.120', Anthropic0120],
  ])('creates an agent and a session, sends a message and streams the answer: version %s', async (_, Client) => {
    const client = createClient(Client);
    const agent = await client.beta.agents.create({
      name: 'Greeter',
      model: 'claude-sonnet-4-5',
      system: 'You greet people.',
      tools: [{ type: 'agent_toolset_20260401' }],
    });
    const session = await client.beta.sessions.create({
      agent: agent.id,
      environment_id: 'env_default',
      title: 'First',
    });
    expect(session).toMatchObject({ status: 'idle', title: 'First', agent: { id: agent.id, version: 1 } });
    const stream = await client.beta.sessions.events.stream(session.id, { event_deltas: ['agent.message'] });
    const { data: sent } = await client.beta.sessions.events.send(session.id, {
      events: [{ type: 'user.message', content: [{ type: 'text', text: 'hello' }] }],
    });
    const events: Event[] = [];
    const deltas: string[] = [];
    for await (const event of stream) {
      if (event.type === 'event_delta') deltas.push((event.delta.content as { text: string }).text);
      else if (event.type !== 'event_start') events.push(event);
      if (event.type === 'session.status_idle') break;
    }
    expect(events.map(({ type }) => type)).toEqual([
      'user.message',
      'session.status_running',
      'session.thread_status_running',
      'span.model_request_start',
      'agent.message',
      'span.model_request_end',
      'session.thread_status_idle',
      'session.usage',
      'session.status_idle',
    ]);
    expect(events[0]!.id).toBe(sent![0]!.id);
    expect(deltas.join('')).toBe('You said: hello.');
    expect(events.at(-1)).toMatchObject({ stop_reason: { type: 'end_turn' } });
    const listed = await collect(client, session.id);
    expect(listed).toEqual(events);
    const retrieved = await client.beta.sessions.retrieve(session.id);
    expect(retrieved).toMatchObject({ status: 'idle', usage: { input_tokens: expect.any(Number) } });
    expect(test.model.requests.at(-1)?.body.model).toBe('claude-sonnet-4-5');
  });

  it('waits for a confirmation, and goes on with it', async () => {
    const agent = await client.beta.agents.create({
      name: 'Careful',
      model: 'claude-sonnet-4-5',
      tools: [{ type: 'agent_toolset_20260401', default_config: { permission_policy: { type: 'always_ask' } } }],
    });
    const session = await client.beta.sessions.create({
      agent: agent.id,
      environment_id: 'env_default',
      initial_events: [{ type: 'user.message', content: [{ type: 'text', text: 'list files' }] }],
    });
    expect(session.status).toBe('running');
    const idle = await untilIdle(client, session.id);
    expect(idle).toMatchObject({ stop_reason: { type: 'requires_action' } });
    expect((await client.beta.sessions.retrieve(session.id)).status).toBe('idle');
    const [useId] = (idle.stop_reason as { event_ids: string[] }).event_ids;
    await client.beta.sessions.events.send(session.id, {
      events: [{ type: 'user.tool_confirmation', tool_use_id: useId!, result: 'allow' }],
    });
    const end = await untilIdle(client, session.id, idle.id);
    expect(end).toMatchObject({ stop_reason: { type: 'end_turn' } });
    const events = await collect(client, session.id);
    expect(events.filter(({ type }) => type === 'agent.tool_use')).toMatchObject([
      { id: useId, name: 'bash', input: { command: 'echo found' }, evaluated_permission: 'ask' },
    ]);
    expect(events.filter(({ type }) => type === 'agent.tool_result')).toMatchObject([
      { tool_use_id: useId, is_error: false, content: [{ type: 'text', text: 'found' }] },
    ]);
    await expect(
      client.beta.sessions.events.send(session.id, {
        events: [{ type: 'user.tool_confirmation', tool_use_id: useId!, result: 'deny' }],
      }),
    ).rejects.toMatchObject({ status: 400 });
  });

  it('ends a turn when it is interrupted, and goes on with the message behind', async () => {
    const session = await createSession();
    await send(session, 'wait for me');
    await untilEvent(client, session.id, ({ type }) => type === 'agent.tool_use');
    const { data } = await client.beta.sessions.events.send(session.id, {
      events: [{ type: 'user.interrupt' }, toMessage('hello')],
    });
    expect(data!.map(({ type }) => type)).toEqual(['user.interrupt', 'user.message']);
    const idle = await untilIdle(client, session.id);
    const events = await collect(client, session.id);
    expect(events.at(-1)!.id).toBe(idle.id);
    const types = events.map(({ type }) => type);
    expect(types.filter((type) => type === 'session.status_idle' || type === 'session.status_running')).toEqual([
      'session.status_running',
      'session.status_idle',
    ]);
    expect(types.indexOf('user.interrupt')).toBeGreaterThan(types.indexOf('agent.tool_use'));
    expect(types.lastIndexOf('user.message')).toBeGreaterThan(types.indexOf('user.interrupt'));
    expect(events.filter(({ type }) => type === 'agent.message').at(-1)).toMatchObject({
      content: [{ type: 'text', text: 'You said: hello.' }],
    });
    // Nothing to interrupt: no event.
    await client.beta.sessions.events.send(session.id, { events: [{ type: 'user.interrupt' }] });
    expect(await collect(client, session.id)).toEqual(events);
  });

  it('shows the same log to a reader that reconnects behind any event, and to a reader of pages', async () => {
    const session = await createSession();
    for (const text of ['hello', 'list files', 'hello again']) {
      const behind = (await collect(client, session.id)).at(-1)?.id;
      await send(session, text);
      await untilIdle(client, session.id, behind);
    }
    await client.beta.sessions.update(session.id, { title: 'Renamed' });
    const events = await collect(client, session.id);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    for (const [index, { id }] of events.entries()) {
      const rest = events.slice(index + 1);
      if (rest.length === 0) continue;
      const stream = await client.beta.sessions.events.stream(session.id, {}, { headers: { 'Last-Event-ID': id } });
      const seen: Event[] = [];
      for await (const event of stream) {
        seen.push(event as Event);
        if (seen.length === rest.length) break;
      }
      expect(seen).toEqual(rest);
    }
    for (const limit of [1, 2, 7, 1_000]) {
      expect(await collect(client, session.id, { limit })).toEqual(events);
      expect(await collect(client, session.id, { limit, order: 'desc' })).toEqual(events.toReversed());
    }
    expect(await collect(client, session.id, { types: ['session.status_idle'] })).toHaveLength(3);
  });

  it('keeps the sessions of a user from others', async () => {
    const [mine, other] = await Promise.all(
      ['ann', 'bob'].map(async (user) => {
        const { key } = await test.client.createKey({
          name: user,
          scopes: ['runs:read', 'runs:write', 'approvals'],
          user,
        });
        return createClient(Anthropic, key);
      }),
    );
    const agent = await createAgent();
    const session = await mine!.beta.sessions.create({ agent: agent.id, environment_id: 'env_default' });
    expect((await mine!.beta.sessions.retrieve(session.id)).id).toBe(session.id);
    for (const call of [
      () => other!.beta.sessions.retrieve(session.id),
      () => other!.beta.sessions.events.send(session.id, { events: [toMessage('hello')] }),
      () => other!.beta.sessions.events.list(session.id),
      () => other!.beta.sessions.events.stream(session.id),
      () => other!.beta.sessions.archive(session.id),
      () => other!.beta.sessions.delete(session.id),
    ])
      await expect(call()).rejects.toMatchObject({ status: 404, type: 'not_found_error' });
    expect((await other!.beta.sessions.list()).data).toEqual([]);
    await expect(mine!.beta.agents.create({ name: 'Mine', model: 'claude-sonnet-4-5' })).rejects.toMatchObject({
      status: 403,
      type: 'permission_error',
    });
  });

  it('archives and deletes sessions, and ends their streams', async () => {
    const session = await createSession();
    await send(session, 'hello');
    await untilIdle(client, session.id);
    const stream = await client.beta.sessions.events.stream(session.id);
    const archived = await client.beta.sessions.archive(session.id);
    expect(archived).toMatchObject({ status: 'terminated', archived_at: expect.any(String) });
    const types: string[] = [];
    for await (const { type } of stream) types.push(type);
    expect(types).toEqual(['session.thread_status_terminated', 'session.status_terminated']);
    await expect(send(session, 'hello')).rejects.toMatchObject({ status: 400 });
    const deleted = await createSession();
    const open = await client.beta.sessions.events.stream(deleted.id);
    expect(await client.beta.sessions.delete(deleted.id)).toMatchObject({ id: deleted.id, type: 'session_deleted' });
    const last: string[] = [];
    for await (const { type } of open) last.push(type);
    expect(last).toEqual(['session.deleted']);
    await expect(client.beta.sessions.retrieve(deleted.id)).rejects.toMatchObject({ status: 404 });
  });

  it('uses an agent of the configuration, and shows the session where Longhaul shows sessions', async () => {
    const session = await client.beta.sessions.create({ agent: 'agent_config_helper', environment_id: 'env_default' });
    await send(session, 'hello');
    await untilIdle(client, session.id);
    const [run] = (await test.client.listRuns({ agent: 'helper' })).data;
    expect(run).toMatchObject({ status: 'succeeded', prompt: 'hello' });
    expect((await test.client.session(run!.sessionId)).id).toBe(run!.sessionId);
  });

  function createAgent() {
    return client.beta.agents.create({
      name: 'Worker',
      model: 'claude-sonnet-4-5',
      tools: [{ type: 'agent_toolset_20260401' }],
    });
  }

  async function createSession() {
    const agent = await createAgent();
    return client.beta.sessions.create({ agent: agent.id, environment_id: 'env_default' });
  }

  const send = ({ id }: { id: string }, text: string) =>
    client.beta.sessions.events.send(id, { events: [toMessage(text)] });
});

const toMessage = (text: string) => ({ type: 'user.message' as const, content: [{ type: 'text' as const, text }] });

async function untilEvent(client: Anthropic, sessionId: string, isWanted: (event: Event) => boolean): Promise<Event> {
  const stream = await client.beta.sessions.events.stream(sessionId, {}, { headers: { 'Last-Event-ID': '0' } });
  for await (const event of stream) if (isWanted(event as Event)) return event as Event;
  throw new Error('The stream ended.');
}

async function collect(
  client: Anthropic,
  sessionId: string,
  query: Anthropic.Beta.Sessions.EventListParams = {},
): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of client.beta.sessions.events.list(sessionId, query)) events.push(event);
  return events;
}

type Idle = Extract<Event, { type: 'session.status_idle' }>;

/** Follows a session behind an event, or from its beginning, until it is idle. */
async function untilIdle(client: Anthropic, sessionId: string, behind = '0'): Promise<Idle> {
  const stream = await client.beta.sessions.events.stream(sessionId, {}, { headers: { 'Last-Event-ID': behind } });
  for await (const event of stream) if (event.type === 'session.status_idle') return event;
  throw new Error('The stream ended.');
}
