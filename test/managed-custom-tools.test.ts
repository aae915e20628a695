import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Anthropic from 'anthropic-1.14';
import { betaTool } from 'anthropic-1.14/helpers/beta/json-schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { say, startTestLonghaul, turn, useTool, type ModelRequest } from '../src/testing/index.ts';

/** Tools that the client runs, with the official client and the real Claude Code. */

type Event = Anthropic.Beta.Sessions.BetaManagedAgentsSessionEvent;
type Idle = Extract<Event, { type: 'session.status_idle' }>;
type CustomUse = Extract<Event, { type: 'agent.custom_tool_use' }>;
type Result = Anthropic.Beta.Sessions.BetaManagedAgentsUserCustomToolResultEventParams;
type Content = NonNullable<Result['content']>;

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const weatherSchema = {
  type: 'object' as const,
  properties: {
    city: { type: 'string', minLength: 1, description: 'A city' },
    unit: { anyOf: [{ const: 'C' }, { $ref: '#/$defs/other' }] },
  },
  required: ['city'],
  additionalProperties: false,
  $defs: { other: { type: 'string', pattern: '^[FK]$' } },
};

const tools: Anthropic.Beta.Agents.BetaManagedAgentsCustomToolParams[] = [
  { type: 'custom', name: 'weather', description: 'Tells the weather.', input_schema: weatherSchema },
  {
    type: 'custom',
    name: 'save__note',
    description: 'Saves a note.',
    input_schema: { type: 'object', properties: null, required: null },
  },
];

const weather = useTool('mcp__custom__weather', { city: 'Oslo' });
const note = useTool('mcp__custom__save__note', { text: 'My key is ghp_0123456789abcdefghijABCDEFGHIJ456789.' });

const USES = { weather: [weather], twice: [weather], note: [note], both: [weather, note] } as const;

/** Uses the tools of its prompt until it has the result of each, and then says what these are. */
function script({ prompt, body }: ModelRequest) {
  const results = readResults(body.messages);
  const uses = USES[prompt.split(' ')[0] as keyof typeof USES];
  const missing = uses.filter(({ name }) => results.every((result) => result.name !== name));
  if (missing.length > 0) return turn([...missing]);
  if (prompt === 'twice' && results.length < 2) return turn(weather);
  return say(`Got: ${results.map(({ text }) => text).join(' & ')}`);
}

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly id?: string;
  readonly name?: string;
  readonly tool_use_id?: string;
  readonly content?: string | readonly { readonly text?: string }[];
}

/** Reads the results since the last message of the user, but for those of uses that have not begun. */
function readResults(messages: ModelRequest['body']['messages']) {
  const blocks = messages.flatMap(({ content }) => (typeof content === 'string' ? [] : (content as readonly Block[])));
  const asked = blocks.findLastIndex(isAsked);
  return blocks.slice(asked + 1).flatMap((block) => {
    if (block.type !== 'tool_result') return [];
    const { content = '' } = block;
    const text = toPlain(typeof content === 'string' ? content : content.map((part) => part.text ?? '').join(' '));
    if (text.includes('has not begun')) return [];
    return [{ name: blocks.find(({ id }) => id === block.tool_use_id)?.name, text }];
  });
}

/** Returns whether a block is one of the messages of these tests, and not of Longhaul or Claude Code. */
const isAsked = ({ text = '' }: Block) => /^(weather|twice|note|both)/.test(text);

/** Removes what Claude Code adds. */
const toPlain = (text: string) => text.replaceAll(/<system-reminder>.*?<\/system-reminder>/gs, '').trim();

/** Starts Longhaul, whose processes wait this long for results, with an agent that has both tools. */
async function start(holdSeconds: number) {
  const test = await startTestLonghaul({
    config: {
      agents: {
        managed: {
          prewarm: false,
          tools: ['Read'],
          workspace: { root: await mkdtemp(path.join(tmpdir(), 'longhaul-custom-')), mode: 'perSession' },
          approvals: { holdSeconds },
          sandbox: false,
        },
      },
      managedAgents: { template: 'managed' },
    },
    script,
  });
  const createClient = (apiKey: string) =>
    new Anthropic({
      baseURL: 'http://longhaul.test/anthropic',
      apiKey,
      authToken: null,
      fetch: async (url, init) => test.longhaul.fetch(new Request(url, init)),
    });
  const client = createClient(test.apiKey);
  const agent = await client.beta.agents.create({ name: 'Clerk', model: 'claude-sonnet-4-5', tools });

  /** Creates a session whose first message makes the agent use its tools. */
  async function ask(prompt: string): Promise<string> {
    const { id } = await client.beta.sessions.create({
      agent: agent.id,
      environment_id: 'env_default',
      initial_events: [{ type: 'user.message', content: [{ type: 'text', text: prompt }] }],
    });
    return id;
  }

  /** Follows a session behind an event, or from its beginning, until it is idle. */
  async function untilIdle(sessionId: string, behind = '0'): Promise<Idle> {
    const stream = await client.beta.sessions.events.stream(sessionId, {}, { headers: { 'Last-Event-ID': behind } });
    for await (const event of stream) if (event.type === 'session.status_idle') return event;
    throw new Error('The stream ended.');
  }

  async function list(sessionId: string): Promise<Event[]> {
    const events: Event[] = [];
    for await (const event of client.beta.sessions.events.list(sessionId)) events.push(event);
    return events;
  }

  const answer = (sessionId: string, useId: string, content: Content | string, isError?: boolean) =>
    client.beta.sessions.events.send(sessionId, {
      events: [
        {
          type: 'user.custom_tool_result',
          custom_tool_use_id: useId,
          content: typeof content === 'string' ? [{ type: 'text', text: content }] : content,
          ...(isError !== undefined && { is_error: isError }),
        },
      ],
    });

  const waits = async (sessionId: string) => {
    const [approval] = (await test.client.approvals({ status: 'pending' })).data;
    const run = approval && (await test.client.getRun(approval.runId));
    return run?.status === 'waiting' && (await client.beta.sessions.retrieve(sessionId)).status === 'idle';
  };

  return { test, client, createClient, agent, ask, untilIdle, list, answer, waits };
}

const idsOf = ({ stop_reason: reason }: Idle) => (reason.type === 'requires_action' ? reason.event_ids : []);

const typesOf = (events: readonly Event[]) => events.map(({ type }) => type);

const ofType = <T extends Event['type']>(events: readonly Event[], type: T) =>
  events.filter((event): event is Extract<Event, { type: T }> => event.type === type);

const saidBy = (events: readonly Event[]) =>
  ofType(events, 'agent.message').map(({ content }) =>
    content.map((block) => ('text' in block ? block.text : '')).join(''),
  );

type Started = Awaited<ReturnType<typeof start>>;

describe('a custom tool whose process waits', () => {
  let started: Started;
  beforeAll(async () => {
    started = await start(20);
  });
  afterAll(() => started.test.stop());

  it('is offered to the model with its schema unchanged, and gets the result of the client', async () => {
    const { client, test, ask, untilIdle, list, answer } = started;
    const id = await ask('weather');
    const idle = await untilIdle(id);
    const [use] = ofType(await list(id), 'agent.custom_tool_use') as [CustomUse];
    expect(use).toEqual({
      id: use.id,
      type: 'agent.custom_tool_use',
      processed_at: expect.any(String) as string,
      name: 'weather',
      input: { city: 'Oslo' },
      session_thread_id: null,
    });
    expect(idle).toMatchObject({ stop_reason: { type: 'requires_action', event_ids: [use.id] } });
    expect((await client.beta.sessions.retrieve(id)).status).toBe('idle');

    const { data } = await answer(id, use.id, 'Rain');
    expect(data).toEqual([
      {
        id: expect.stringMatching(/^sevt_/) as string,
        type: 'user.custom_tool_result',
        processed_at: expect.any(String) as string,
        custom_tool_use_id: use.id,
        content: [{ type: 'text', text: 'Rain' }],
        is_error: false,
      },
    ]);
    expect(await untilIdle(id, idle.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
    const events = await list(id);
    expect(typesOf(events).filter((type) => !type.startsWith('span.'))).toEqual([
      'user.message',
      'session.status_running',
      'session.thread_status_running',
      'agent.custom_tool_use',
      'session.thread_status_idle',
      'session.usage',
      'session.status_idle',
      'user.custom_tool_result',
      'session.status_running',
      'session.thread_status_running',
      'agent.message',
      'session.thread_status_idle',
      'session.usage',
      'session.status_idle',
    ]);
    expect(ofType(events, 'user.custom_tool_result')[0]).toMatchObject({ id: data![0]!.id, is_error: false });
    expect(saidBy(events)).toEqual(['Got: Rain']);
    const offered = test.model.requests.at(-1)!.body.tools!;
    expect(offered.map(({ name, input_schema: schema }) => [name, schema])).toEqual(
      expect.arrayContaining([
        ['mcp__custom__weather', weatherSchema],
        ['mcp__custom__save__note', { type: 'object' }],
      ]),
    );
  });

  it('passes on an image, and an error', async () => {
    const { test, ask, untilIdle, list, answer } = started;
    const id = await ask('weather');
    const source = { type: 'base64', media_type: 'image/png', data: PNG } as const;
    const image: Content = [
      { type: 'text', text: 'A photo' },
      { type: 'image', source },
      { type: 'document', title: 'Report', source: { type: 'text', media_type: 'text/plain', data: 'Wet.' } },
      {
        type: 'search_result',
        source: 'https://example.com',
        title: 'Found',
        content: [{ type: 'text', text: 'Umbrellas' }],
        citations: { enabled: false },
      },
    ];
    const idle = await untilIdle(id);
    await answer(id, idsOf(idle)[0]!, image);
    await untilIdle(id, idle.id);
    const [result] = test.model.requests.at(-1)!.body.messages.at(-1)!.content as unknown as [
      { content: { type: string; text?: string; source?: object }[] },
    ];
    expect(result.content.filter(({ type }) => type === 'image')).toMatchObject([{ source }]);
    const texts = result.content.map(({ text }) => text).join('\n');
    for (const text of ['A photo', 'Report\n\nWet.', 'Found\n\nhttps://example.com\n\nUmbrellas'])
      expect(texts).toContain(text);
    expect(ofType(await list(id), 'user.custom_tool_result')).toMatchObject([{ content: image, is_error: false }]);

    const failing = await ask('weather');
    const waiting = await untilIdle(failing);
    await answer(failing, idsOf(waiting)[0]!, 'No such city', true);
    await untilIdle(failing, waiting.id);
    expect(test.model.requests.at(-1)!.toolResults).toMatchObject([
      { isError: true, content: expect.stringMatching(/^No such city/) as string },
    ]);
    expect(ofType(await list(failing), 'user.custom_tool_result')).toMatchObject([{ is_error: true }]);
  });

  it('gives the client the input as it is, with what looks like a key', async () => {
    const { test, ask, untilIdle, list, answer } = started;
    const id = await ask('note');
    const idle = await untilIdle(id);
    expect(ofType(await list(id), 'agent.custom_tool_use')).toMatchObject([{ name: 'save__note', input: note.input }]);
    const [approval] = (await test.client.approvals({ status: 'pending' })).data;
    expect(approval).toMatchObject({ kind: 'custom', tool: { name: 'mcp__custom__save__note' } });
    expect(JSON.stringify(approval)).not.toContain('ghp_');
    // A person cannot decide it.
    for (const decide of [test.client.approve, test.client.deny])
      await expect(decide(approval!.id)).rejects.toMatchObject({
        status: 400,
        errors: [{ path: 'decision', message: expect.stringContaining('user.custom_tool_result') as string }],
      });
    await answer(id, idsOf(idle)[0]!, []);
    expect(await untilIdle(id, idle.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
  });

  it('waits for each of several uses, which are answered one by one', async () => {
    const { ask, untilIdle, list, answer } = started;
    const id = await ask('both');
    let idle = await untilIdle(id);
    while (idsOf(idle).length < 2) idle = await untilIdle(id, idle.id);
    const [first, second] = idsOf(idle) as [string, string];
    await answer(id, second, 'Second');
    const rest = await untilIdle(id, idle.id);
    expect(idsOf(rest)).toEqual([first]);
    await answer(id, first, 'First');
    expect(await untilIdle(id, rest.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
    const events = await list(id);
    expect(ofType(events, 'agent.custom_tool_use')).toHaveLength(2);
    expect(ofType(events, 'user.custom_tool_result').map((event) => event.custom_tool_use_id)).toEqual([second, first]);
    expect(saidBy(events)[0]).toContain('First');
    expect(saidBy(events)[0]).toContain('Second');
  });

  it('is used again when the model asks again', async () => {
    const { ask, untilIdle, list, answer } = started;
    const id = await ask('twice');
    const first = await untilIdle(id);
    await answer(id, idsOf(first)[0]!, 'Rain');
    const second = await untilIdle(id, first.id);
    expect(idsOf(second)).toHaveLength(1);
    expect(idsOf(second)).not.toEqual(idsOf(first));
    await answer(id, idsOf(second)[0]!, 'Sun');
    await untilIdle(id, second.id);
    const events = await list(id);
    expect(ofType(events, 'agent.custom_tool_use').map((event) => event.id)).toEqual([
      ...idsOf(first),
      ...idsOf(second),
    ]);
    expect(saidBy(events)).toEqual(['Got: Rain & Sun']);
  });

  it('refuses a second result, an unknown use, a confirmation, and a key that may only decide', async () => {
    const { client, createClient, test, ask, untilIdle, answer } = started;
    const id = await ask('weather');
    const idle = await untilIdle(id);
    const [useId] = idsOf(idle) as [string];
    const confirm = { type: 'user.tool_confirmation', tool_use_id: useId, result: 'allow' } as const;
    const { key } = await test.client.createKey({ name: 'decider', scopes: ['runs:read', 'approvals'] });
    const result = { type: 'user.custom_tool_result', custom_tool_use_id: useId } as const;
    await expect(createClient(key).beta.sessions.events.send(id, { events: [result] })).rejects.toMatchObject({
      status: 403,
    });
    const refused: [Promise<unknown>, string][] = [
      [client.beta.sessions.events.send(id, { events: [confirm] }), 'is the use of a custom tool'],
      [answer(id, idle.id, 'Rain'), 'does not wait for a result'],
      [answer(id, 'sevt_x', 'Rain'), 'does not wait for a result'],
      [answer(await ask('weather'), useId, 'Rain'), 'does not wait for a result'],
    ];
    for (const [sending, message] of refused)
      await expect(sending).rejects.toMatchObject({ status: 400, message: expect.stringContaining(message) as string });
    await answer(id, useId, 'Rain');
    await expect(answer(id, useId, 'Sun')).rejects.toMatchObject({ status: 400 });
    expect(await untilIdle(id, idle.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
  });

  it('refuses content that the model could not get', async () => {
    const { client, ask, untilIdle, answer } = started;
    const id = await ask('weather');
    const idle = await untilIdle(id);
    const [useId] = idsOf(idle) as [string];
    const refused: [unknown, string][] = [
      [{ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }, 'The source `url`'],
      [
        { type: 'image', source: { type: 'base64', media_type: 'image/gif', data: PNG } },
        'must be an image of the type',
      ],
      [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '?' } }, 'must be base64'],
      [
        { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' } },
        'The source `base64`',
      ],
      [{ type: 'video' }, 'must be a block with the type'],
    ];
    for (const [block, message] of refused)
      await expect(answer(id, useId, [block] as Content)).rejects.toMatchObject({
        status: 400,
        message: expect.stringContaining(message) as string,
      });
    await client.beta.sessions.events.send(id, {
      events: [{ type: 'user.custom_tool_result', custom_tool_use_id: useId }],
    });
    expect(await untilIdle(id, idle.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
  });

  it('ends with an error when the session is interrupted', async () => {
    const { client, ask, untilIdle, list, answer } = started;
    const id = await ask('weather');
    const idle = await untilIdle(id);
    await client.beta.sessions.events.send(id, { events: [{ type: 'user.interrupt' }] });
    expect(await untilIdle(id, idle.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
    expect(ofType(await list(id), 'user.custom_tool_result')).toMatchObject([
      { custom_tool_use_id: idsOf(idle)[0], is_error: true },
    ]);
    await expect(answer(id, idsOf(idle)[0]!, 'Rain')).rejects.toMatchObject({ status: 400 });
  });

  it("is run by the client's tool runner", async () => {
    const { client, ask, list } = started;
    const id = await ask('weather');
    const cities: string[] = [];
    const runner = client.beta.sessions.events.toolRunner(id, {
      maxIdleMs: 200,
      tools: [
        betaTool({
          name: 'weather',
          description: 'Tells the weather.',
          inputSchema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
          run({ city }) {
            cities.push(city);
            return `Rain in ${city}`;
          },
        }),
      ],
    });
    const calls: object[] = [];
    for await (const { name, posted, isError } of runner) calls.push({ name, posted, isError });
    expect(calls).toEqual([{ name: 'weather', posted: true, isError: false }]);
    expect(cities).toEqual(['Oslo']);
    expect(saidBy(await list(id))).toEqual(['Got: Rain in Oslo']);
  });
});

describe.each([0, 1])('a custom tool whose process waits %i s', (holdSeconds) => {
  let started: Started;
  beforeAll(async () => {
    started = await start(holdSeconds);
  });
  afterAll(() => started.test.stop());

  it('gets a result that comes after the process was given up, as one use with one result', async () => {
    const { client, ask, untilIdle, list, answer, waits } = started;
    const id = await ask('weather');
    const idle = await untilIdle(id);
    await expect.poll(() => waits(id), { timeout: 20_000 }).toBe(true);
    expect((await client.beta.sessions.retrieve(id)).status).toBe('idle');
    await answer(id, idsOf(idle)[0]!, 'Rain');
    expect(await untilIdle(id, idle.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
    const events = await list(id);
    expect(ofType(events, 'agent.custom_tool_use')).toMatchObject([{ id: idsOf(idle)[0] }]);
    expect(ofType(events, 'user.custom_tool_result')).toMatchObject([
      { custom_tool_use_id: idsOf(idle)[0], content: [{ type: 'text', text: 'Rain' }] },
    ]);
    expect(typesOf(events)).not.toContain('agent.tool_result');
    expect(ofType(events, 'session.status_idle')).toHaveLength(2);
    expect(saidBy(events)).toEqual(['Got: Rain']);
  });

  it('gets the results of several uses, answered one by one', async () => {
    const { ask, untilIdle, list, answer, waits } = started;
    const id = await ask('both');
    await expect.poll(() => waits(id), { timeout: 20_000 }).toBe(true);
    // The second is asked for beside the first, or when the first is answered.
    const answered: string[] = [];
    let idle = await untilIdle(id);
    for (; idle.stop_reason.type === 'requires_action'; idle = await untilIdle(id, idle.id)) {
      const open = idsOf(idle).find((useId) => !answered.includes(useId));
      if (open === undefined) continue;
      answered.push(open);
      await answer(id, open, `Result ${answered.length}`);
    }
    expect(idle).toMatchObject({ stop_reason: { type: 'end_turn' } });
    const events = await list(id);
    expect(answered).toHaveLength(2);
    expect(ofType(events, 'agent.custom_tool_use').map((event) => event.id)).toEqual(answered);
    expect(ofType(events, 'user.custom_tool_result').map((event) => event.custom_tool_use_id)).toEqual(answered);
    expect(saidBy(events)[0]).toContain('Result 1');
    expect(saidBy(events)[0]).toContain('Result 2');
  });

  it('ends with an error when the session is interrupted, and answers the next message', async () => {
    const { client, ask, untilIdle, list, answer, waits } = started;
    const id = await ask('weather');
    const idle = await untilIdle(id);
    await expect.poll(() => waits(id), { timeout: 20_000 }).toBe(true);
    await client.beta.sessions.events.send(id, {
      events: [
        { type: 'user.interrupt' },
        { type: 'user.message', content: [{ type: 'text', text: 'weather again' }] },
      ],
    });
    let next = await untilIdle(id, (await list(id)).find(({ type }) => type === 'user.interrupt')!.id);
    while (idsOf(next).length === 0) next = await untilIdle(id, next.id);
    expect(idsOf(next)).not.toEqual(idsOf(idle));
    expect(ofType(await list(id), 'user.custom_tool_result')).toMatchObject([
      { custom_tool_use_id: idsOf(idle)[0], is_error: true },
    ]);
    await answer(id, idsOf(next)[0]!, 'Sun');
    expect(await untilIdle(id, next.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
  });

  it("is run by the client's tool runner", async () => {
    const { client, ask, list } = started;
    const id = await ask('both');
    const toTool = (name: string) =>
      betaTool({ name, description: name, inputSchema: { type: 'object' }, run: () => `Result of ${name}` });
    const runner = client.beta.sessions.events.toolRunner(id, {
      maxIdleMs: 200,
      tools: [toTool('weather'), toTool('save__note')],
    });
    const calls: string[] = [];
    for await (const { name, posted } of runner) if (posted) calls.push(name);
    expect(calls.toSorted()).toEqual(['save__note', 'weather']);
    const events = await list(id);
    expect(ofType(events, 'agent.custom_tool_use')).toHaveLength(2);
    expect(ofType(events, 'user.custom_tool_result')).toHaveLength(2);
    expect(saidBy(events)[0]).toContain('Result of weather');
  });
});
