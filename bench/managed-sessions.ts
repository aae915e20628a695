import Anthropic from 'anthropic-1.14';
import type { Bench } from './bench.ts';
import { repeat } from './measure-rate.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul, STUB_CLAUDE } from './start-longhaul.ts';

const SESSIONS = 1_000;
const TURNS = 3;
const SLOTS = 4;
/** Sessions with an unfinished turn: twice the number of slots, so that no slot waits for a client. */
const AT_ONCE = 8;

/**
 * Takes the official Anthropic client through a thousand sessions of three turns, with the stub: turns a second, ids that
 * two events have, and sessions that did not come to rest exactly once a turn.
 */
export async function measureManagedSessions(bench: Bench): Promise<Measurement> {
  const { url, headers } = await startLonghaul({
    bench,
    slots: SLOTS,
    agent: {
      tools: [],
      prewarm: false,
      workspace: { root: await bench.makeDirectory('sessions'), mode: 'perSession' },
    },
    managedAgents: { template: AGENT },
    variables: { ...(await bench.createDatabase('postgres')), LONGHAUL_CLAUDE_PATH: STUB_CLAUDE },
  });
  const apiKey = headers['authorization']!.replace('Bearer ', '');
  const client = new Anthropic({ baseURL: `${url}/anthropic`, apiKey, authToken: null });
  const agent = await client.beta.agents.create({ name: 'Bench', model: 'claude-sonnet-4-5' });
  const ids = new Set<string>();
  let events = 0;
  let restless = 0;
  const work = async () => {
    const { id } = await client.beta.sessions.create({ agent: agent.id, environment_id: 'env_default' });
    let behind = '0';
    for (let turn = 1; turn <= TURNS; turn++) behind = await takeTurn(client, { id, behind });
    let rests = 0;
    for await (const event of client.beta.sessions.events.list(id)) {
      ids.add(event.id);
      events += 1;
      if (event.type === 'session.status_idle') rests += 1;
    }
    if (rests !== TURNS) restless += 1;
  };
  const durationMs = await repeat({ times: SESSIONS, concurrency: AT_ONCE, work });
  return judge(
    'managed-sessions',
    {
      sessions: SESSIONS,
      turns: SESSIONS * TURNS,
      turnsPerSecond: (SESSIONS * TURNS * 1_000) / durationMs,
      events,
      idsTwice: events - ids.size,
      sessionsNotAtRestOnceATurn: restless,
    },
    [
      { figure: 'idsTwice', atMost: 0 },
      { figure: 'sessionsNotAtRestOnceATurn', atMost: 0 },
    ],
  );
}

/** Sends a message and follows the session until it is idle; returns the id of that event. */
async function takeTurn(client: Anthropic, { id, behind }: { id: string; behind: string }): Promise<string> {
  await client.beta.sessions.events.send(id, {
    events: [{ type: 'user.message', content: [{ type: 'text', text: 'Do nothing.' }] }],
  });
  const stream = await client.beta.sessions.events.stream(id, {}, { headers: { 'Last-Event-ID': behind } });
  for await (const event of stream) if (event.type === 'session.status_idle') return event.id;
  throw new Error('A stream ended before its session was idle.');
}
