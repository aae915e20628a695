import Anthropic from 'anthropic-1.14';
import { afterAll, describe, expect, it } from 'vitest';
import { say, turn, useTool } from '../src/testing/index.ts';
import { createMachines, type Machines } from './support/machines.ts';

type Event = Anthropic.Beta.Sessions.BetaManagedAgentsSessionEvent;

/** Sessions of the official client whose worker dies, and a thousand of them. */
describe('a session of the official client', { timeout: 180_000 }, () => {
  const open: Machines[] = [];
  afterAll(() => Promise.all(open.map((machines) => machines[Symbol.asyncDispose]())));

  function createClient({ apiKey, fetch }: Machines): Anthropic {
    return new Anthropic({
      baseURL: 'http://longhaul.test/anthropic',
      apiKey,
      authToken: null,
      fetch: async (url, init) => fetch(new Request(url, init)),
    });
  }

  it('has one log, and comes to rest once, when its worker is killed in the middle of a tool', async () => {
    const machines = await createMachines(({ turn: count }) =>
      count === 0 ? turn(useTool('Bash', { command: 'tail -f /dev/null', timeout: 110_000 })) : say('Taken over.'),
    );
    open.push(machines);
    const client = createClient(machines);
    const first = await machines.start('first');
    const agent = await client.beta.agents.create({
      name: 'Doer',
      model: 'claude-sonnet-4-5',
      tools: [{ type: 'agent_toolset_20260401' }],
    });
    const session = await client.beta.sessions.create({
      agent: agent.id,
      environment_id: 'env_default',
      initial_events: [{ type: 'user.message', content: [{ type: 'text', text: 'wait' }] }],
    });
    const followed: Event[] = [];
    const stream = await client.beta.sessions.events.stream(session.id, {}, { headers: { 'Last-Event-ID': '0' } });
    for await (const event of stream) {
      followed.push(event as Event);
      if (event.type === 'agent.tool_use') {
        await expect.poll(() => first.findAttemptPids().then(({ length }) => length)).toBeGreaterThan(2);
        await machines.start('second');
        first.kill('SIGKILL');
      }
      if (event.type === 'session.status_idle') break;
    }
    const read = async () => {
      const events: Event[] = [];
      for await (const event of client.beta.sessions.events.list(session.id)) events.push(event);
      return events;
    };
    const events = await read();
    expect(events).toEqual(followed);
    expect(await read()).toEqual(events);
    expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    const types = events.map(({ type }) => type);
    expect(types.filter((type) => type === 'session.status_idle')).toHaveLength(1);
    expect(types.filter((type) => type === 'agent.tool_use')).toHaveLength(1);
    expect(types.filter((type) => type === 'agent.tool_result')).toHaveLength(1);
    expect(types.filter((type) => type === 'span.model_request_start').length).toBe(
      types.filter((type) => type === 'span.model_request_end').length,
    );
    expect((await client.beta.sessions.retrieve(session.id)).status).toBe('idle');
  });
});
