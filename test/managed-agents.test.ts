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
        if (text.includes('list files')) return turn([say('Let me look.'), useTool('Bash', { command: 'echo found' })]);
        return say(`You said: ${text.includes('hello') ? 'hello' : 'something'}.`, { chunks: 5 });
      },
    });
    client = createClient(Anthropic);
  });
  afterAll(() => test.stop());

  function createClient(Client: unknown): Anthropic {
    const options = {
      baseURL: 'http://longhaul.test/anthropic',
      apiKey: test.apiKey,
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
      else if (event.type !== 'event_start') events.push(event as Event);
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
});

async function collect(client: Anthropic, sessionId: string): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of client.beta.sessions.events.list(sessionId)) events.push(event);
  return events;
}

type Idle = Extract<Event, { type: 'session.status_idle' }>;

/** Follows a session behind an event, or from its beginning, until it is idle. */
async function untilIdle(client: Anthropic, sessionId: string, behind = '0'): Promise<Idle> {
  const stream = await client.beta.sessions.events.stream(sessionId, {}, { headers: { 'Last-Event-ID': behind } });
  for await (const event of stream) if (event.type === 'session.status_idle') return event;
  throw new Error('The stream ended.');
}
