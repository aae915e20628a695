import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Anthropic from 'anthropic-1.14';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { say, startTestLonghaul, turn, useTool, type TestLonghaul } from '../src/testing/index.ts';

type Event = Anthropic.Beta.Sessions.BetaManagedAgentsSessionEvent;
type Idle = Extract<Event, { type: 'session.status_idle' }>;

/** Output tokens of Claude Sonnet 4.5 that cost a cent, at $15 per million. */
const CENT = 10_000 / 15;

const costing = (cents: number) => ({ usage: { inputTokens: 1, outputTokens: Math.round(cents * CENT) } });

const toBudget = (amount: string) => ({ type: 'limit' as const, max_list_cost: { amount, currency: 'USD' as const } });

const toMessage = (text: string) => ({ type: 'user.message' as const, content: [{ type: 'text' as const, text }] });

/** Budgets of sessions, driven by the official client on the real Claude Code. */
describe('the budget of a session of the official client', { timeout: 120_000 }, () => {
  let test: TestLonghaul;
  let client: Anthropic;
  let agentId: string;
  beforeAll(async () => {
    test = await startTestLonghaul({
      config: {
        agents: {
          managed: {
            prewarm: false,
            tools: ['Read', 'Bash'],
            workspace: { root: await mkdtemp(path.join(tmpdir(), 'longhaul-budgets-')), mode: 'perSession' },
            limits: { maxPromptLength: 100_000, maxBudgetUsd: 0.5 },
            approvals: { holdSeconds: 1 },
            sandbox: false,
          },
        },
        managedAgents: { template: 'managed', models: ['claude-sonnet-4-5', 'a-model-without-price'] },
        limits: { perUser: { usdPerDay: 0.1 } },
      },
      script(request) {
        const said = JSON.stringify(request.body.messages);
        const hasResult = said.includes('"ran');
        if (said.includes('use a tool'))
          return hasResult
            ? turn(say('Finished.'), costing(1))
            : turn(useTool('Bash', { command: 'echo ran >> runs.txt; cat runs.txt' }), costing(4.5));
        if (said.includes('wait for me')) return turn(useTool('Bash', { command: 'sleep 60' }), costing(1));
        if (said.includes('say everything')) return turn(say('That is everything.'), costing(6));
        return turn(say('Hello.'), costing(0.4));
      },
    });
    client = new Anthropic({
      baseURL: 'http://longhaul.test/anthropic',
      apiKey: test.apiKey,
      authToken: null,
      fetch: async (url: string | URL | Request, init?: RequestInit) => test.longhaul.fetch(new Request(url, init)),
    });
    agentId = await createAgent('always_allow');
  });
  afterAll(() => test.stop());

  async function createAgent(policy: 'always_allow' | 'always_ask') {
    const { id } = await client.beta.agents.create({
      name: 'Worker',
      model: 'claude-sonnet-4-5',
      tools: [{ type: 'agent_toolset_20260401', default_config: { permission_policy: { type: policy } } }],
    });
    return id;
  }

  async function createSession({ cents, text, user, agent = agentId }: Partial<Record<Option, string>>) {
    const { id } = await client.beta.sessions.create({
      agent,
      environment_id: 'env_default',
      ...(cents !== undefined && { budget: toBudget(cents) }),
      ...(user !== undefined && { metadata: { longhaul_user: user } }),
      ...(text !== undefined && { initial_events: [toMessage(text)] }),
    });
    return id;
  }
  type Option = 'cents' | 'text' | 'user' | 'agent';

  const send = (id: string, text: string) => client.beta.sessions.events.send(id, { events: [toMessage(text)] });
  const update = (id: string, cents: string | null) =>
    client.beta.sessions.update(id, { budget: cents === null ? null : toBudget(cents) });

  async function until(id: string, isWanted: (event: Event) => boolean, behind = '0'): Promise<Event> {
    const stream = await client.beta.sessions.events.stream(id, {}, { headers: { 'Last-Event-ID': behind } });
    for await (const event of stream) if (isWanted(event as Event)) return event as Event;
    throw new Error('The stream ended.');
  }
  const untilIdle = async (id: string, behind?: string) =>
    (await until(id, ({ type }) => type === 'session.status_idle', behind)) as Idle;

  async function list(id: string): Promise<Event[]> {
    const events: Event[] = [];
    for await (const event of client.beta.sessions.events.list(id)) events.push(event);
    return events;
  }

  it('pauses a turn in the middle of tool work, and lets it go on when it is raised', async () => {
    const id = await createSession({ cents: '4', text: 'use a tool' });
    const stopped = await untilIdle(id);
    expect(stopped.stop_reason).toEqual({ type: 'budget_reached' });
    const before = await list(id);
    expect(before.slice(-3)).toMatchObject([
      { type: 'session.thread_status_idle', stop_reason: { type: 'budget_reached' } },
      {
        type: 'session.usage',
        usage: { list_cost: { amount: '5', currency: 'USD' } },
        budget: toBudget('4'),
      },
      { type: 'session.status_idle' },
    ]);
    expect(await client.beta.sessions.retrieve(id)).toMatchObject({ status: 'idle', budget: toBudget('4') });
    await expect(send(id, 'hello')).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('user.tool_confirmation, user.custom_tool_result and user.interrupt'),
    });
    await client.beta.sessions.events.send(id, { events: [{ type: 'user.interrupt' }] });
    await expect(update(id, '4')).rejects.toMatchObject({ status: 400, errorCode: 'budget_not_raised' });
    expect(await list(id)).toEqual(before);

    expect(await update(id, '10')).toMatchObject({ status: 'running', budget: toBudget('10') });
    const end = await untilIdle(id, stopped.id);
    expect(end.stop_reason).toEqual({ type: 'end_turn' });
    const events = await list(id);
    expect(events.slice(0, before.length)).toEqual(before);
    expect(events.slice(before.length, before.length + 3)).toMatchObject([
      { type: 'session.updated', budget: toBudget('10') },
      { type: 'session.status_running' },
      { type: 'session.thread_status_running' },
    ]);
    expect(events.at(-2)).toMatchObject({ usage: { list_cost: { amount: '6' } }, budget: toBudget('10') });
    for (const [index, { id: behind }] of events.slice(0, -1).entries()) {
      const seen: Event[] = [];
      const stream = await client.beta.sessions.events.stream(id, {}, { headers: { 'Last-Event-ID': behind } });
      for await (const event of stream) if (seen.push(event as Event) === events.length - index - 1) break;
      expect(seen).toEqual(events.slice(index + 1));
    }
    expect(events.filter(({ type }) => type === 'agent.tool_use')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'agent.tool_result')).toMatchObject([
      { is_error: false, content: [{ type: 'text', text: 'ran' }] },
    ]);
  });

  it('stands at its budget behind a whole answer, until it is removed', async () => {
    const id = await createSession({ cents: '5', text: 'say everything' });
    const stopped = await untilIdle(id);
    expect(stopped.stop_reason).toEqual({ type: 'budget_reached' });
    const [run] = (await test.client.listRuns({ agent: 'managed' })).data;
    expect(run).toMatchObject({ status: 'succeeded', isAtCeiling: true, limits: { maxBudgetUsd: 0.05 } });
    await expect(send(id, 'hello')).rejects.toMatchObject({ status: 400, errorCode: 'budget_reached' });
    expect(await update(id, null)).toMatchObject({ budget: null });
    await expect(update(id, '50')).rejects.toMatchObject({ status: 400, errorCode: 'budget_create_only' });
    await send(id, 'hello');
    const end = await untilIdle(id, stopped.id);
    expect(end.stop_reason).toEqual({ type: 'end_turn' });
    expect((await list(id)).at(-2)).toMatchObject({ type: 'session.usage', budget: null });
  });

  it('is refused where it cannot hold', async () => {
    const create = (budget: unknown, model = 'claude-sonnet-4-5') =>
      client.beta.sessions.create({
        agent: { type: 'agent_with_overrides', id: agentId, model },
        environment_id: 'env_default',
        budget: budget as ReturnType<typeof toBudget>,
      });
    for (const amount of ['25.00', '0', '05', '-1', '', '1e3'])
      await expect(create(toBudget(amount))).rejects.toMatchObject({
        status: 400,
        message: expect.stringContaining('budget.max_list_cost.amount'),
      });
    await expect(create({ type: 'limit', max_list_cost: { amount: '5', currency: 'EUR' } })).rejects.toMatchObject({
      status: 400,
    });
    await expect(create(toBudget('5'), 'a-model-without-price')).rejects.toMatchObject({
      status: 400,
      errorCode: 'model_not_budgetable',
    });
    const without = await createSession({});
    await expect(update(without, '5')).rejects.toMatchObject({ status: 400, errorCode: 'budget_create_only' });
    expect(await update(without, null)).toMatchObject({ budget: null });
  });

  it('lets a session be archived or deleted that stands at it, with the messages in line', async () => {
    for (const end of ['archive', 'delete'] as const) {
      const id = await createSession({ cents: '4', text: 'use a tool' });
      await until(id, ({ type }) => type === 'agent.tool_use');
      const stopped = await untilIdle(id);
      const [run] = (await test.client.listRuns({ agent: 'managed' })).data;
      expect(run).toMatchObject({ status: 'waiting', waitingFor: 'budget' });
      // Longhaul's own API lets a run wait behind it.
      const behind = await test.client.submit({ agent: 'managed', prompt: 'hello', sessionId: run!.sessionId });
      if (end === 'archive') {
        expect(await client.beta.sessions.archive(id)).toMatchObject({ status: 'terminated' });
        const types = (await list(id)).map(({ type }) => type);
        expect(types.slice(types.lastIndexOf('session.status_idle') + 1)).toEqual([
          'session.thread_status_terminated',
          'session.status_terminated',
        ]);
        expect(stopped.stop_reason).toEqual({ type: 'budget_reached' });
        for (const one of [run!, behind])
          expect(await test.client.run(one.id)).toMatchObject({ status: 'cancelled', waitingFor: null });
      } else {
        expect(await client.beta.sessions.delete(id)).toMatchObject({ type: 'session_deleted' });
        await expect(test.client.run(run!.id)).rejects.toMatchObject({ code: 'run_not_found' });
      }
    }
  });

  it('gives way to a tool use that waits for a confirmation', async () => {
    const id = await createSession({ cents: '4', text: 'use a tool', agent: await createAgent('always_ask') });
    const asked = await untilIdle(id);
    expect(asked.stop_reason).toMatchObject({ type: 'requires_action' });
    const [useId] = (asked.stop_reason as { event_ids: string[] }).event_ids;
    // Its process has been given up: the cost is known.
    await expect
      .poll(async () => (await client.beta.sessions.retrieve(id)).usage.list_cost?.amount, { timeout: 20_000 })
      .toBe('5');
    expect((await list(id)).findLast(({ type }) => type === 'session.status_idle')!.id).toBe(asked.id);
    await expect(send(id, 'hello')).rejects.toMatchObject({ status: 400, errorCode: 'budget_reached' });
    await client.beta.sessions.events.send(id, {
      events: [{ type: 'user.tool_confirmation', tool_use_id: useId!, result: 'allow' }],
    });
    const stopped = await untilIdle(id, asked.id);
    expect(stopped.stop_reason).toEqual({ type: 'budget_reached' });
    await update(id, '20');
    expect((await untilIdle(id, stopped.id)).stop_reason).toEqual({ type: 'end_turn' });
    const results = (await list(id)).filter(({ type }) => type === 'agent.tool_result');
    expect(results).toMatchObject([{ tool_use_id: useId, is_error: false, content: [{ type: 'text', text: 'ran' }] }]);
  });

  it("stays within the daily budget of the session's user, whose sessions share it", async () => {
    const first = await createSession({ cents: '6', user: 'ann', text: 'wait for me' });
    const second = await createSession({ cents: '6', user: 'ann' });
    await until(first, ({ type }) => type === 'agent.tool_use');
    // 6 of 10 cents are reserved for the first.
    await expect(send(second, 'hello')).rejects.toMatchObject({
      status: 402,
      type: 'billing_error',
      errorCode: 'user_budget',
    });
    await client.beta.sessions.events.send(first, { events: [{ type: 'user.interrupt' }] });
    await untilIdle(first);
    await send(second, 'say everything');
    expect((await untilIdle(second)).stop_reason).toEqual({ type: 'budget_reached' });
    // 3 cents are left, and the session may have another 4 only.
    await update(second, '10');
    await expect(send(second, 'hello')).rejects.toMatchObject({ status: 402, errorCode: 'user_budget' });
  });
});
