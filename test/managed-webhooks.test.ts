import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Anthropic from 'anthropic-1.14';
import Anthropic112 from 'anthropic-1.12';
import Anthropic0120 from 'anthropic-0.120';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CreatedWebhookResource, NewWebhook } from '../src/client/client.ts';
import { say, startTestLonghaul, turn, useTool, type TestLonghaul } from '../src/testing/index.ts';
import { startReceiver, type Receiver } from '../src/webhook/receiver.fixture.ts';
import { createMachines, untilEnded } from './support/machines.ts';

type WebhookEvent = Anthropic.Beta.BetaWebhookEvent;

/** The clients of all versions. All have the type of the newest, whose calls here are the same. */
const CLIENTS = [
  ['1.14', Anthropic],
  ['1.12', Anthropic112 as unknown as typeof Anthropic],
  ['0.120', Anthropic0120 as unknown as typeof Anthropic],
] as const;

const verifier = new Anthropic({ apiKey: 'unused' });

const toMessage = (text: string) => ({ type: 'user.message' as const, content: [{ type: 'text' as const, text }] });
const toBudget = (amount: string) => ({ type: 'limit' as const, max_list_cost: { amount, currency: 'USD' as const } });

/** Output tokens of Claude Sonnet 4.5 that cost a cent, at $15 per million. */
const CENT = 10_000 / 15;

/** Webhooks of the official client's form, from the real Claude Code to a real server. */
describe('a webhook in the form of the official Anthropic client', { timeout: 60_000 }, () => {
  let test: TestLonghaul;
  let client: Anthropic;
  let agentId: string;
  let receiver: Receiver;
  beforeAll(async () => {
    test = await startTestLonghaul({
      config: {
        agents: {
          managed: {
            tools: ['Read', 'Bash'],
            workspace: { root: await mkdtemp(path.join(tmpdir(), 'longhaul-webhooks-')), mode: 'perSession' },
            approvals: { holdSeconds: 1 },
            sandbox: false,
          },
        },
        managedAgents: { template: 'managed' },
        webhooks: { allowHttp: true, allowPrivateAddresses: true },
      },
      script(request) {
        const said = JSON.stringify(request.body.messages);
        if (said.includes('cost much')) {
          return turn(say('That is everything.'), { usage: { inputTokens: 1, outputTokens: Math.round(6 * CENT) } });
        }
        if (!said.includes('list files') || request.toolResults.some(({ content }) => content.includes('found'))) {
          return say('Done.');
        }
        return turn(useTool('Bash', { command: 'echo found' }));
      },
    });
    client = createClient(test.apiKey);
    const agent = await client.beta.agents.create({
      name: 'Careful',
      model: 'claude-sonnet-4-5',
      tools: [{ type: 'agent_toolset_20260401', default_config: { permission_policy: { type: 'always_ask' } } }],
    });
    agentId = agent.id;
    receiver = await startReceiver();
  });
  afterAll(async () => {
    await test.stop();
    await receiver.close();
  });

  function createClient(apiKey: string): Anthropic {
    return new Anthropic({
      baseURL: 'http://longhaul.test/anthropic',
      apiKey,
      authToken: null,
      fetch: async (url: string | URL | Request, init?: RequestInit) => test.longhaul.fetch(new Request(url, init)),
    });
  }

  async function call<T>(path: string, body?: unknown, key = test.apiKey): Promise<T> {
    const init = {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    };
    const response = await test.longhaul.fetch(new Request(`http://longhaul.test/v1/${path}`, init));
    return (await response.json()) as T;
  }

  /** Creates a webhook at its own address, for one test. */
  async function createWebhook(name: string, changes: Partial<NewWebhook> = {}, key?: string) {
    const url = `${receiver.url}/${name}`;
    const webhook = await call<CreatedWebhookResource>('webhooks', { url, format: 'anthropic', ...changes }, key);
    const arrived = () => receiver.received.filter((one) => one.path === `/hook/${name}`);
    const read = ({ body, headers }: (typeof receiver.received)[number]) =>
      verifier.beta.webhooks.unwrap(body, { headers: headers as Record<string, string>, key: webhook.secret });
    return {
      ...webhook,
      arrived,
      /** The events about an object, in the order in which they happened. */
      about(id: string): WebhookEvent[] {
        const events = arrived().map(read);
        return events.filter(({ data }) => data.id === id).sort((a, b) => (a.id < b.id ? -1 : 1));
      },
    };
  }
  type Webhook = Awaited<ReturnType<typeof createWebhook>>;

  const typesOf = (events: readonly WebhookEvent[]) => events.map(({ data }) => data.type);
  const expectTypes = (webhook: Webhook, id: string) =>
    expect.poll(() => typesOf(webhook.about(id)), { timeout: 20_000 });

  it('tells the life of a session, and every version of the client verifies it', async () => {
    const webhook = await createWebhook('life');
    expect(webhook).toMatchObject({ format: 'anthropic', events: expect.arrayContaining(['session.status_idled']) });
    const session = await client.beta.sessions.create({ agent: agentId, environment_id: 'env_default' });
    await client.beta.sessions.events.send(session.id, { events: [toMessage('list files')] });
    await expectTypes(webhook, session.id).toEqual([
      'session.created',
      'session.status_run_started',
      'session.status_idled',
      'session.requires_action',
    ]);
    // A receiver reads the session for its state, which does not lag behind.
    const idle = await lastIdle(session.id);
    expect(idle.stop_reason).toMatchObject({ type: 'requires_action' });
    const [useId] = (idle.stop_reason as { event_ids: string[] }).event_ids;
    await client.beta.sessions.events.send(session.id, {
      events: [{ type: 'user.tool_confirmation', tool_use_id: useId!, result: 'allow' }],
    });
    await expectTypes(webhook, session.id).toHaveLength(6);
    await client.beta.sessions.update(session.id, { title: 'Named' });
    await client.beta.sessions.archive(session.id);
    await client.beta.sessions.delete(session.id);
    await expectTypes(webhook, session.id).toEqual([
      'session.created',
      'session.status_run_started',
      'session.status_idled',
      'session.requires_action',
      'session.status_run_started',
      'session.status_idled',
      'session.updated',
      'session.archived',
      'session.status_terminated',
      'session.deleted',
    ]);
    const { data, created_at: at, ...event } = webhook.about(session.id)[2]!;
    expect(event).toEqual({ type: 'event', id: expect.any(String) as string });
    expect(Math.abs(Date.now() - Date.parse(at))).toBeLessThan(60_000);
    expect(data).toEqual({
      type: 'session.status_idled',
      id: session.id,
      organization_id: 'longhaul',
      workspace_id: 'default',
    });
    const [message] = webhook.arrived();
    const headers = message!.headers as Record<string, string>;
    expect(headers['webhook-id']).toBe((JSON.parse(message!.body) as WebhookEvent).id);
    for (const [, Client] of CLIENTS) {
      const { webhooks } = new Client({ apiKey: 'unused', webhookKey: webhook.secret }).beta;
      expect(webhooks.unwrap(message!.body, { headers })).toEqual(JSON.parse(message!.body));
      expect(webhooks.unwrap(message!.body, { headers, key: webhook.secret })).toMatchObject({ type: 'event' });
      const changed = message!.body.replace('session.', 'session_');
      expect(() => webhooks.unwrap(changed, { headers })).toThrow(/signature/);
      const key = `whsec_${Buffer.from('another secret of a receiver').toString('base64')}`;
      expect(() => webhooks.unwrap(message!.body, { headers, key })).toThrow(/signature/);
    }
  });

  it('tells what the log of the session says, event by event', async () => {
    const webhook = await createWebhook('log');
    const session = await client.beta.sessions.create({
      agent: agentId,
      environment_id: 'env_default',
      budget: toBudget('5'),
      initial_events: [toMessage('hello')],
    });
    await untilIdle(session.id, 1);
    await client.beta.sessions.events.send(session.id, { events: [toMessage('list files')] });
    await untilIdle(session.id, 2);
    await client.beta.sessions.events.send(session.id, {
      events: [{ type: 'user.interrupt' }, toMessage('cost much')],
    });
    await untilIdle(session.id, 3);
    await client.beta.sessions.update(session.id, { budget: toBudget('50') });
    await client.beta.sessions.events.send(session.id, { events: [toMessage('hello again')] });
    await untilIdle(session.id, 4);
    await client.beta.sessions.archive(session.id);
    const shown: string[] = [];
    for await (const { type } of client.beta.sessions.events.list(session.id)) {
      const name = NAMES[type];
      if (name !== undefined) shown.push(name);
    }
    expect(shown.filter((type) => type === 'session.status_idled')).toHaveLength(4);
    await expect
      .poll(() => typesOf(webhook.about(session.id)).filter((type) => Object.values(NAMES).includes(type)))
      .toEqual(shown);
    expect(typesOf(webhook.about(session.id)).filter((type) => type === 'session.budget_reached')).toHaveLength(1);
  });

  it('hears of agents and environments, and only of sessions that its key may see', async () => {
    const keyOf = async (user: string) =>
      (await test.client.createKey({ name: user, scopes: ['runs:read', 'runs:write'], user })).key;
    const [ann, bob, every] = await Promise.all([
      createWebhook('ann', {}, await keyOf('ann')),
      createWebhook('bob', {}, await keyOf('bob')),
      createWebhook('every'),
    ]);
    const session = await client.beta.sessions.create({
      agent: agentId,
      environment_id: 'env_default',
      metadata: { longhaul_user: 'ann' },
    });
    const agent = await client.beta.agents.create({ name: 'Heard', model: 'claude-sonnet-4-5' });
    await client.beta.agents.update(agent.id, { version: 1, system: 'Be heard.' });
    await client.beta.agents.archive(agent.id);
    const environment = await client.beta.environments.create({ name: 'Heard' });
    await client.beta.environments.delete(environment.id);
    for (const webhook of [ann, bob, every]) {
      await expectTypes(webhook, agent.id).toEqual(['agent.created', 'agent.updated', 'agent.archived']);
      await expectTypes(webhook, environment.id).toEqual(['environment.created', 'environment.deleted']);
    }
    for (const webhook of [ann, every]) await expectTypes(webhook, session.id).toEqual(['session.created']);
    expect(bob.about(session.id)).toEqual([]);
    const { data } = await call<{ data: object[] }>(`webhooks/${bob.id}/deliveries`);
    expect(data.every((delivery) => !JSON.stringify(delivery).includes('session.'))).toBe(true);
  });

  it('is tested, redelivered under the same id, and signed with a replaced secret as well', async () => {
    const webhook = await createWebhook('again', { events: ['session.created', 'session.deleted'] });
    await call(`webhooks/${webhook.id}/test`, {});
    await expect.poll(() => typesOf(webhook.about(webhook.id))).toEqual(['webhook.test']);
    const session = await client.beta.sessions.create({ agent: agentId, environment_id: 'env_default' });
    await client.beta.sessions.delete(session.id);
    await expectTypes(webhook, session.id).toEqual(['session.created', 'session.deleted']);
    const { secret } = await call<{ secret: string }>(`webhooks/${webhook.id}/rotate`, {});
    const { data } = await call<{ data: { id: string; type: string; sessionId: string; runId: null }[] }>(
      `webhooks/${webhook.id}/deliveries`,
    );
    const made = data.find(({ type }) => type === 'session.created')!;
    expect(made).toMatchObject({ runId: null, sessionId: expect.stringMatching(/^[\da-f-]{36}$/) as string });
    await call(`webhooks/deliveries/${made.id}/redeliver`, {});
    const copies = () => webhook.arrived().filter(({ headers }) => headers['webhook-id'] === made.id);
    await expect.poll(copies).toHaveLength(2);
    const [first, second] = copies();
    expect(second!.body).toBe(first!.body);
    for (const key of [webhook.secret, secret]) {
      const headers = second!.headers as Record<string, string>;
      expect(verifier.beta.webhooks.unwrap(second!.body, { headers, key })).toMatchObject({ id: made.id });
    }
  });

  it('has events of its format only, and those of runs stay as they are', async () => {
    const refused = await call('webhooks', { url: receiver.url, format: 'anthropic', events: ['run.failed'] });
    expect(refused).toMatchObject({ status: 400, errors: [{ path: 'events.0' }] });
    expect(await call('webhooks', { url: receiver.url, events: ['session.created'] })).toMatchObject({ status: 400 });
    expect(await call('webhooks', { url: receiver.url, format: 'openai' })).toMatchObject({ status: 400 });
    const plain = await createWebhook('plain', { format: 'longhaul' });
    expect(plain).toMatchObject({
      format: 'longhaul',
      events: ['run.succeeded', 'run.failed', 'run.cancelled', 'run.waiting'],
    });
    const session = await client.beta.sessions.create({
      agent: agentId,
      environment_id: 'env_default',
      initial_events: [toMessage('hello')],
    });
    await untilIdle(session.id, 1);
    await expect.poll(() => plain.arrived().length).toBe(1);
    expect(JSON.parse(plain.arrived()[0]!.body)).toMatchObject({ type: 'run.succeeded', data: { run: {} } });
  });

  type Idle = Extract<Anthropic.Beta.Sessions.BetaManagedAgentsSessionEvent, { type: 'session.status_idle' }>;

  async function lastIdle(sessionId: string): Promise<Idle> {
    const idle: Idle[] = [];
    for await (const event of client.beta.sessions.events.list(sessionId, { types: ['session.status_idle'] }))
      idle.push(event as Idle);
    return idle.at(-1)!;
  }

  /** Follows a session from its beginning until it has been idle this often. */
  async function untilIdle(sessionId: string, count: number): Promise<void> {
    let seen = 0;
    const stream = await client.beta.sessions.events.stream(sessionId, {}, { headers: { 'Last-Event-ID': '0' } });
    for await (const { type } of stream) {
      if (type === 'session.status_idle') seen += 1;
      if (seen === count) return;
    }
    throw new Error('The stream ended.');
  }
});

/** The events of the log that webhooks tell under another name. */
const NAMES: Readonly<Record<string, string>> = {
  'session.status_running': 'session.status_run_started',
  'session.status_idle': 'session.status_idled',
  'session.status_rescheduled': 'session.status_rescheduled',
  'session.status_terminated': 'session.status_terminated',
  'session.updated': 'session.updated',
};

describe('a webhook of the official client, when machines die', { timeout: 180_000 }, () => {
  it('tells of a session whose worker was killed, and of the attempt after it', async () => {
    await using machines = await createMachines(({ turn: count }) =>
      count === 0 ? turn(useTool('Bash', { command: 'tail -f /dev/null', timeout: 110_000 })) : say('Taken over.'),
    );
    const receiver = await startReceiver();
    await using _ = { [Symbol.asyncDispose]: () => receiver.close() };
    const client = new Anthropic({
      baseURL: 'http://longhaul.test/anthropic',
      apiKey: machines.apiKey,
      authToken: null,
      fetch: async (url, init) => machines.fetch(new Request(url, init)),
    });
    const { secret } = await machines.client.createWebhook({ url: receiver.url, format: 'anthropic' });
    const read = () => {
      const events = receiver.received.map(({ body, headers }) =>
        verifier.beta.webhooks.unwrap(body, { headers: headers as Record<string, string>, key: secret }),
      );
      return [...new Map(events.map((event) => [event.id, event])).values()]
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .flatMap(({ data }) => (data.type.startsWith('session.') ? [data.type] : []));
    };
    const first = await machines.start('first');
    const agent = await client.beta.agents.create({
      name: 'Doer',
      model: 'claude-sonnet-4-5',
      tools: [{ type: 'agent_toolset_20260401' }],
    });
    await client.beta.sessions.create({
      agent: agent.id,
      environment_id: 'env_default',
      initial_events: [toMessage('wait')],
    });
    await expect
      .poll(() => first.findAttemptPids().then(({ length }) => length), { timeout: 20_000 })
      .toBeGreaterThan(2);
    await machines.start('second');
    first.kill('SIGKILL');
    const [run] = (await machines.client.listRuns({})).data;
    await untilEnded(machines.client, run!.id);
    await expect
      .poll(read, { timeout: 20_000 })
      .toEqual([
        'session.created',
        'session.status_run_started',
        'session.status_rescheduled',
        'session.status_run_started',
        'session.status_idled',
      ]);
  });
});
