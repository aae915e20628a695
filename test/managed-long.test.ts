import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Anthropic from 'anthropic-1.14';
import { accumulateManagedAgentsEvent } from 'anthropic-1.14/lib/sessions/accumulate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STUB_CLAUDE } from '../bench/start-longhaul.ts';
import type { LonghaulConfig } from '../src/config/schema.ts';
import {
  say,
  startTestLonghaul,
  turn,
  useTool,
  type ModelRequest,
  type TestLonghaul,
  type TestLonghaulOptions,
} from '../src/testing/index.ts';
import { createPostgresDatabase } from './support/databases.ts';
import { findAttemptProcesses } from './support/marked-processes.ts';

type Event = Anthropic.Beta.Sessions.BetaManagedAgentsSessionEvent;
type Idle = Extract<Event, { type: 'session.status_idle' }>;

const toMessage = (text: string) => ({ type: 'user.message' as const, content: [{ type: 'text' as const, text }] });

interface Started {
  readonly test: TestLonghaul;
  readonly client: Anthropic;
}

async function start(
  agent: Partial<LonghaulConfig['agents'][string]>,
  { config, ...options }: Omit<TestLonghaulOptions, 'config'> & { config?: Partial<LonghaulConfig> },
): Promise<Started> {
  const workspace = { root: await mkdtemp(path.join(tmpdir(), 'longhaul-long-')), mode: 'perSession' as const };
  const test = await startTestLonghaul({
    config: {
      agents: { managed: { tools: ['Bash'], workspace, sandbox: false, prewarm: false, ...agent } },
      managedAgents: { template: 'managed' },
      ...config,
    },
    ...options,
  });
  const client = new Anthropic({
    baseURL: 'http://longhaul.test/anthropic',
    apiKey: test.apiKey,
    authToken: null,
    fetch: async (url, init) => test.longhaul.fetch(new Request(url, init)),
  });
  return { test, client };
}

async function list(client: Anthropic, sessionId: string): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of client.beta.sessions.events.list(sessionId)) events.push(event);
  return events;
}

/** Follows a session behind an event, or from its beginning, until it is idle. */
async function untilIdle(client: Anthropic, sessionId: string, behind = '0'): Promise<Idle> {
  const stream = await client.beta.sessions.events.stream(sessionId, {}, { headers: { 'Last-Event-ID': behind } });
  for await (const event of stream) if (event.type === 'session.status_idle') return event;
  throw new Error('The stream ended.');
}

const ofType = <T extends Event['type']>(events: readonly Event[], type: T) =>
  events.filter((event) => event.type === type) as Extract<Event, { type: T }>[];

const idsOf = (idle: Idle) => (idle.stop_reason.type === 'requires_action' ? idle.stop_reason.event_ids : []);

describe('an answer that the client gives long after the process was given up', { timeout: 60_000 }, () => {
  let started: Started;
  let agentId: string;
  beforeAll(async () => {
    started = await start({ approvals: { holdSeconds: 1 } }, { script });
    const agent = await started.client.beta.agents.create({
      name: 'Patient',
      model: 'claude-sonnet-4-5',
      tools: [
        { type: 'agent_toolset_20260401', default_config: { permission_policy: { type: 'always_ask' } } },
        { type: 'custom', name: 'weather', description: 'Tells the weather.', input_schema: { type: 'object' } },
      ],
    });
    agentId = agent.id;
  });
  afterAll(() => started.test.stop());

  /** Uses its tool until it has a result; a forgetful model does not use it again. */
  function script({ prompt, toolResults, turn: count }: ModelRequest) {
    const result = toolResults.map(({ content }) => toPlain(content)).join(' ');
    const isPutOff = result.includes('has not begun');
    if (count > 0 && prompt.includes('forget')) return say('Never mind.');
    if (result !== '' && !isPutOff) return say(`Got: ${result}`);
    return turn(
      prompt.includes('weather')
        ? useTool('mcp__custom__weather', { city: 'Oslo' })
        : useTool('Bash', { command: 'echo found' }),
    );
  }

  /** Removes what Claude Code adds. */
  const toPlain = (text: string) => text.replaceAll(/<system-reminder>.*?<\/system-reminder>/gs, '').trim();

  /** Creates a session that waits for an answer, and waits until nothing of it is in memory. */
  async function waitWithoutProcess(text: string): Promise<{ id: string; idle: Idle; useId: string }> {
    const { client, test } = started;
    const { id } = await client.beta.sessions.create({
      agent: agentId,
      environment_id: 'env_default',
      initial_events: [toMessage(text)],
    });
    const idle = await untilIdle(client, id);
    const [useId = ''] = idsOf(idle);
    await expect
      .poll(async () => (await test.client.listRuns({ limit: 1 })).data[0]?.status, { timeout: 20_000 })
      .toBe('waiting');
    await expect.poll(() => findAttemptProcesses([process.pid]), { timeout: 10_000 }).toEqual([]);
    await delay(2_000);
    expect(await findAttemptProcesses([process.pid])).toEqual([]);
    expect((await client.beta.sessions.retrieve(id)).status).toBe('idle');
    return { id, idle, useId };
  }

  it('lets the turn go on with one use, one result and one end: a confirmation', async () => {
    const { client } = started;
    const { id, idle, useId } = await waitWithoutProcess('list files');
    await client.beta.sessions.events.send(id, {
      events: [{ type: 'user.tool_confirmation', tool_use_id: useId, result: 'allow' }],
    });
    expect(await untilIdle(client, id, idle.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
    const events = await list(client, id);
    expect(ofType(events, 'agent.tool_use').map((use) => use.id)).toEqual([useId]);
    expect(ofType(events, 'agent.tool_result')).toMatchObject([
      { tool_use_id: useId, is_error: false, content: [{ type: 'text', text: 'found' }] },
    ]);
    expect(ofType(events, 'session.status_idle')).toHaveLength(2);
    expect(ofType(events, 'session.status_running')).toHaveLength(2);
    expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
  });

  it('lets the turn go on with one use, one result and one end: the result of a custom tool', async () => {
    const { client } = started;
    const { id, idle, useId } = await waitWithoutProcess('weather');
    await client.beta.sessions.events.send(id, {
      events: [
        { type: 'user.custom_tool_result', custom_tool_use_id: useId, content: [{ type: 'text', text: 'Rain' }] },
      ],
    });
    expect(await untilIdle(client, id, idle.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
    const events = await list(client, id);
    expect(ofType(events, 'agent.custom_tool_use').map((use) => use.id)).toEqual([useId]);
    expect(ofType(events, 'user.custom_tool_result')).toMatchObject([
      { custom_tool_use_id: useId, content: [{ type: 'text', text: 'Rain' }] },
    ]);
    expect(ofType(events, 'agent.message').at(-1)).toMatchObject({ content: [{ text: 'Got: Rain' }] });
    expect(ofType(events, 'session.status_idle')).toHaveLength(2);
  });

  it('ends the turn with an error result for a use that the model never makes again', async () => {
    const { client } = started;
    const { id, idle, useId } = await waitWithoutProcess('list files and forget them');
    await client.beta.sessions.events.send(id, {
      events: [{ type: 'user.tool_confirmation', tool_use_id: useId, result: 'allow' }],
    });
    expect(await untilIdle(client, id, idle.id)).toMatchObject({ stop_reason: { type: 'end_turn' } });
    const events = await list(client, id);
    expect(ofType(events, 'agent.tool_use').map((use) => use.id)).toEqual([useId]);
    expect(ofType(events, 'agent.tool_result')).toMatchObject([{ tool_use_id: useId, is_error: true }]);
    expect(ofType(events, 'session.status_idle')).toHaveLength(2);
    expect(ofType(events, 'user.tool_confirmation')).toHaveLength(1);
  });
});

describe('the previews of a text', { timeout: 30_000 }, () => {
  const TEXT = Array.from({ length: 60 }, (_, index) => `word ${index}`).join(', ');
  let started: Started;
  beforeAll(async () => {
    started = await start({}, { script: () => say(TEXT, { chunks: 60, chunkDelayMs: 50 }) });
  });
  afterAll(() => started.test.stop());

  it("are folded by the client's own helper, also over a connection that was lost within the text", async () => {
    const { client } = started;
    const agent = await client.beta.agents.create({ name: 'Writer', model: 'claude-sonnet-4-5' });
    const { id } = await client.beta.sessions.create({
      agent: agent.id,
      environment_id: 'env_default',
      initial_events: [toMessage('write')],
    });
    let snapshot: ReturnType<typeof accumulateManagedAgentsEvent>;
    let behind = '0';
    const seen: Event[] = [];
    const begun: string[] = [];
    let cuts = 0;
    let isOver = false;
    while (!isOver) {
      const headers = { 'Last-Event-ID': behind };
      const stream = await client.beta.sessions.events.stream(id, { event_deltas: ['agent.message'] }, { headers });
      let deltas = 0;
      for await (const event of stream) {
        const before = snapshot;
        snapshot = accumulateManagedAgentsEvent(snapshot, event);
        if (event.type === 'event_start') begun.push(event.event.id);
        if (event.type === 'event_delta') {
          expect(TEXT.startsWith(textOf(snapshot))).toBe(true);
          deltas += 1;
          // Twice in the middle of the text.
          if (deltas === 3 && cuts < 2) {
            cuts += 1;
            break;
          }
          continue;
        }
        if (event.type === 'event_start') continue;
        seen.push(event);
        behind = event.id;
        // The pieces have added up to the whole before it comes.
        if (event.type === 'agent.message') expect(textOf(before)).toBe(TEXT);
        if (event.type === 'session.status_idle') isOver = true;
        if (isOver) break;
      }
    }
    expect(cuts).toBe(2);
    expect(snapshot).toEqual(ofType(seen, 'agent.message')[0]);
    // Once a connection, under the id of the whole.
    expect(begun).toEqual(Array(3).fill(snapshot!.id));
    expect(seen).toEqual(await list(client, id));
  });

  const textOf = (snapshot: ReturnType<typeof accumulateManagedAgentsEvent>) =>
    (snapshot?.content ?? []).map((block) => (block.type === 'text' ? block.text : '')).join('');
});

/** `npm run bench -- managed-sessions` takes a thousand. */
const SESSIONS = 100;
const TURNS = 3;
/** Sessions at once. */
const AT_ONCE = 10;

describe(`${SESSIONS} sessions of ${TURNS} turns`, { timeout: 600_000 }, () => {
  let started: Started;
  let postgres: Awaited<ReturnType<typeof createPostgresDatabase>>;
  beforeAll(async () => {
    postgres = await createPostgresDatabase();
    started = await start(
      { tools: [] },
      {
        config: { worker: { slots: 4 }, limits: { perUser: { runsPerMinute: false } } },
        env: { LONGHAUL_CLAUDE_PATH: STUB_CLAUDE, LONGHAUL_DATABASE_URL: postgres.url },
      },
    );
  });
  afterAll(async () => {
    await started.test.stop();
    await postgres.drop();
  });

  it('have no id twice, and come to rest once a turn', async () => {
    const { client } = started;
    const agent = await client.beta.agents.create({ name: 'Quick', model: 'claude-sonnet-4-5' });
    const ids = new Set<string>();
    let count = 0;
    const work = async () => {
      while (count < SESSIONS) {
        count += 1;
        const { id } = await client.beta.sessions.create({ agent: agent.id, environment_id: 'env_default' });
        let behind = '0';
        for (let number = 1; number <= TURNS; number++) {
          await client.beta.sessions.events.send(id, { events: [toMessage(`turn ${number}`)] });
          const idle = await untilIdle(client, id, behind);
          expect(idle.stop_reason).toEqual({ type: 'end_turn' });
          behind = idle.id;
        }
        const events = await list(client, id);
        for (const type of ['user.message', 'session.status_running', 'session.status_idle', 'agent.message'] as const)
          expect(ofType(events, type), type).toHaveLength(TURNS);
        expect(events.at(-1)!.id).toBe(behind);
        for (const event of events) {
          expect(ids.has(event.id)).toBe(false);
          ids.add(event.id);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(count).toBe(SESSIONS);
    expect(ids.size).toBeGreaterThan(SESSIONS * TURNS * 4);
  });
});
