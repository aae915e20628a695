import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../src/client/client.ts';
import { say, turn, useTool } from '../src/testing/index.ts';
import { findFreePort } from './support/embedded-postgres.ts';
import { createMachines, followToEnd, untilEvent, type Machines } from './support/machines.ts';

// Connections that break: real processes on one PostgreSQL, and the real executable.

const usage = { inputTokens: 1_000, outputTokens: 100 };

const TEXT = 'word '.repeat(100);

describe('a connection', () => {
  let machines: Machines;
  /** The answer to the second call of `show` follows once this is resolved. */
  let answer: PromiseWithResolvers<void>;

  beforeAll(async () => {
    machines = await createMachines(async ({ prompt, toolResults }) => {
      if (prompt === 'speak') return turn(say(TEXT, { chunks: 100, chunkDelayMs: 60 }), { usage });
      if (!prompt.startsWith('show')) return turn(say('hello'), { usage });
      if (toolResults.length > 0) {
        await answer.promise;
        return turn(say('shown'), { usage });
      }
      return turn(useTool('Bash', { command: 'echo "$ANTHROPIC_BASE_URL $ANTHROPIC_API_KEY"' }), { usage });
    });
    await machines.start('worker');
  });

  afterAll(async () => {
    answer?.resolve();
    await machines[Symbol.asyncDispose]();
  });

  it('to a server that is killed in the middle of a stream continues with the next server: every event arrives once', async () => {
    const port = await findFreePort();
    const first = await machines.start('server', { role: 'server', port });
    const client = createClient({ url: `http://127.0.0.1:${port}`, apiKey: machines.apiKey });
    const run = await client.submit({ agent: 'teller', prompt: 'speak' });
    let restarting: Promise<unknown> | undefined;
    let deltas = 0;
    const events = await followToEnd(client, run.id, ({ type }) => {
      if (type !== 'agent.text.delta' || ++deltas !== 3) return;
      first.kill('SIGKILL');
      restarting = first.ended.then(() => machines.start('server', { role: 'server', port }));
    });
    await restarting;
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    const said = events.flatMap((event) => (event.type === 'agent.text.delta' ? [event.data.text] : []));
    expect(said.join('')).toBe(TEXT);
    expect(events.at(-1)).toMatchObject({ type: 'run.succeeded', attempt: 1 });
    expect(events).toEqual(await followToEnd(machines.client, run.id));
  });

  it.each(['run.succeeded', 'run.cancelled'])(
    'to the gateway is rejected as soon as its attempt has ended: %s',
    async (end) => {
      answer = Promise.withResolvers();
      const { client } = machines;
      const run = await client.submit({ agent: 'doer', prompt: `show ${end}` });
      const event = await untilEvent(client, run.id, 'agent.tool_result');
      const [url = '', token = ''] = String(event.type === 'agent.tool_result' && event.data.content)
        .trim()
        .split(' ');
      const call = () => callGateway(url, token);
      expect(await call()).toBe(200);
      if (end === 'run.cancelled') await client.cancel(run.id);
      else answer.resolve();
      await untilEvent(client, run.id, end);
      expect(await call()).toBe(402);
    },
  );
});

/** Calls the model as the process of an attempt does; returns the status. */
async function callGateway(url: string, token: string): Promise<number> {
  const messages = [{ role: 'user', content: 'Hello' }];
  const response = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': token },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 100, messages }),
  });
  await response.text();
  return response.status;
}
