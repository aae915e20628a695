import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGateway, type Gateway, type GatewayPass } from './gateway.ts';
import type { OpenOptions } from './lane.ts';
import { messageStart, sse, startUpstream, textDelta, wholeStream, type TestUpstream } from './upstream.fixture.ts';

const LINGER_MS = 300;
/** The model's whole window, written to the cache at $3.75 per million. */
const WINDOW_MICROS = 750_000;

let upstream: TestUpstream;
let gateway: Gateway;
let pass: GatewayPass;

beforeEach(async () => {
  upstream = await startUpstream();
  await start(LINGER_MS);
});

afterEach(async () => {
  await expect.poll(() => pass.openRequests).toBe(0);
  await gateway.close();
  await upstream.close();
});

async function start(lingerMs: number): Promise<void> {
  gateway = await createGateway({
    providers: new Map([['default', { upstream: { baseUrl: upstream.url, headers: {} } }]]),
    silenceMs: 10_000,
    lingerMs,
  });
  open();
}

function open(limits: Omit<OpenOptions, 'attemptId'> = {}): void {
  pass = gateway.openLane().open({ attemptId: 'attempt-1', ...limits });
}

/** Sends a call, and returns a function that hangs up. */
function post(body: object = {}): { answer: Promise<Response>; hangUp(): Promise<void> } {
  const leaving = new AbortController();
  const answer = fetch(`${gateway.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': pass.token },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 1_000, stream: true, ...body }),
    signal: leaving.signal,
  });
  answer.catch(() => undefined);
  return {
    answer,
    async hangUp() {
      leaving.abort();
      await expect(answer).rejects.toThrow();
    },
  };
}

/** Calls that arrive at the provider, which sends nothing by itself. */
function receive(): { next(): Promise<ServerResponse> } {
  const arrived: ServerResponse[] = [];
  upstream.answerWith((response) => void arrived.push(response));
  return {
    async next() {
      await expect.poll(() => arrived.length).toBeGreaterThan(0);
      return arrived.shift() as ServerResponse;
    },
  };
}

const tools = [{ name: 'Bash', input_schema: {} }];

describe('a process that hangs up before the answer', () => {
  test('pays for the input that the provider reports, and the call ends there', async () => {
    const calls = receive();
    const call = post();
    const response = await calls.next();
    await call.hangUp();
    const cut = once(response, 'close');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(messageStart + textDelta('x'.repeat(40)));
    await cut;
    await expect.poll(() => pass.openRequests).toBe(0);
    expect(pass.meter().usage).toMatchObject({ inputTokens: 1_000, cacheReadTokens: 10_000, outputTokens: 10 });
    expect(pass.meter().models['claude-sonnet-4-5-20250929']).toMatchObject({ isEstimated: true });
    expect(pass.failure()).toBeNull();
  });

  test('pays the exact amount of an answer that was on its way', async () => {
    const calls = receive();
    const call = post();
    const response = await calls.next();
    await call.hangUp();
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(wholeStream);
    await expect.poll(() => pass.meter().costMicros).toBe(49_250);
    await expect.poll(() => pass.openRequests).toBe(0);
    expect(pass.meter().models['claude-sonnet-4-5-20250929']).toMatchObject({ isEstimated: false });
  });

  test('pays for the largest possible input when the provider does not report it', async () => {
    const calls = receive();
    const call = post({ padding: 'x' });
    const cut = once(await calls.next(), 'close');
    await call.hangUp();
    await cut;
    await expect.poll(() => pass.openRequests).toBe(0);
    expect(pass.meter().costMicros).toBe(WINDOW_MICROS);
    expect(pass.meter().models['claude-sonnet-4-5']).toMatchObject({ isEstimated: true, outputTokens: 0 });
  });

  test('pays for the largest possible input when the beginning of the answer does not report it either', async () => {
    const calls = receive();
    const call = post({ padding: 'x' });
    const response = await calls.next();
    await call.hangUp();
    const cut = once(response, 'close');
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(sse('message_start', { message: { model: 'claude-sonnet-4-5', usage: { input_tokens: 0 } } }));
    await cut;
    await expect.poll(() => pass.openRequests).toBe(0);
    expect(pass.meter().costMicros).toBe(WINDOW_MICROS);
  });

  test('pays for its prompt only, if only the results of searches may be larger', async () => {
    const calls = receive();
    const call = post({ tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }] });
    await calls.next();
    await call.hangUp();
    await expect.poll(() => pass.openRequests).toBe(0);
    const bytes = upstream.seen[0]?.body.length ?? 0;
    expect(pass.meter()).toMatchObject({ costMicros: Math.round((bytes + 1_000) * 3.75), webSearches: 0 });
  });

  test('also pays for the longest possible output of an answer that arrives only when it is whole', async () => {
    const calls = receive();
    const call = post({ stream: false });
    await calls.next();
    await call.hangUp();
    await expect.poll(() => pass.openRequests).toBe(0);
    const bytes = upstream.seen[0]?.body.length ?? 0;
    expect(pass.meter().costMicros).toBe(Math.round((bytes + 1_000) * 3.75 + 1_000 * 15));
  });

  test('has used a turn', async () => {
    open({ maxTurns: 1 });
    const calls = receive();
    const call = post({ tools });
    await calls.next();
    await call.hangUp();
    await expect.poll(() => pass.openRequests).toBe(0);
    const next = post({ tools });
    expect((await next.answer).status).toBe(402);
    expect(pass.failure()).toMatchObject({ code: 'max_turns' });
  });

  test('cannot spend more than its run may cost, however often', async () => {
    await gateway.close();
    await start(20);
    open({ ceilingMicros: 500_000 });
    upstream.answerWith(() => undefined);
    const prompt = { messages: [{ role: 'user', content: '7'.repeat(40_000) }] };
    for (let round = 0; round < 8; round++) {
      const sentBefore = upstream.seen.length;
      const calls = Array.from({ length: 16 }, () => post(prompt));
      const isRefused = Promise.race(calls.map(({ answer }) => answer)).then(({ status }) => status === 402);
      const isSent = expect.poll(() => upstream.seen.length).toBeGreaterThan(sentBefore);
      await Promise.race([isRefused, isSent.then(() => undefined)]);
      isSent.catch(() => undefined);
      await Promise.all(calls.map(({ hangUp, answer }) => Promise.race([answer, hangUp()]).catch(() => undefined)));
      await expect.poll(() => pass.openRequests).toBe(0);
    }
    const sentMicros = upstream.seen.reduce((sum, { body }) => sum + body.length * 3.75, 0);
    const largest = 42_000 * 3.75;
    expect(pass.meter().costMicros).toBeGreaterThanOrEqual(500_000);
    expect(sentMicros).toBeLessThanOrEqual(500_000 + largest);
    expect(pass.meter().costMicros).toBeGreaterThanOrEqual(sentMicros);
  });
});

test('a call that was rejected, or never reached the provider, costs nothing even if the process hangs up', async () => {
  const calls = receive();
  const refused = post();
  const response = await calls.next();
  await refused.hangUp();
  response.writeHead(529).end('{}');
  await expect.poll(() => pass.openRequests).toBe(0);
  await upstream.close();
  expect((await post().answer).status).toBe(502);
  upstream = await startUpstream();
  expect(pass.meter().costMicros).toBe(0);
});

test('a call that the end of an attempt cuts is paid for at once, by its probable input', async () => {
  await gateway.close();
  await start(60_000);
  const calls = receive();
  const call = post({ messages: [{ role: 'user', content: 'word '.repeat(8_000) }] });
  const cut = once(await calls.next(), 'close');
  pass.close();
  const likely = Math.ceil((upstream.seen[0]?.body.length ?? 0) / 4);
  expect(pass.meter()).toMatchObject({ costMicros: likely * 3, usage: { inputTokens: likely } });
  expect(pass.meter().models['claude-sonnet-4-5']).toMatchObject({ isEstimated: true });
  await cut;
  await expect(call.answer).rejects.toThrow();
});

test('an attempt that ends also pays for the probable output of an answer that arrives only when it is whole', async () => {
  const calls = receive();
  const call = post({ stream: false, max_tokens: 32_000 });
  await calls.next();
  await new Promise((resolve) => setTimeout(resolve, 200));
  pass.close();
  const { outputTokens } = pass.meter().usage;
  expect(outputTokens).toBeGreaterThanOrEqual(12);
  expect(outputTokens).toBeLessThan(32_000);
  await expect(call.answer).rejects.toThrow();
});

test('an attempt that ends pays for a whole window when the input is unknown', async () => {
  const calls = receive();
  const document = { type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } };
  const call = post({ messages: [{ role: 'user', content: [document] }] });
  await calls.next();
  pass.close();
  expect(pass.meter().usage).toMatchObject({ inputTokens: 200_000, outputTokens: 0 });
  await expect(call.answer).rejects.toThrow();
});

test('a call that the process has hung up on is estimated when its attempt ends, too', async () => {
  await gateway.close();
  await start(60_000);
  const calls = receive();
  const call = post();
  const cut = once(await calls.next(), 'close');
  await call.hangUp();
  expect(pass.openRequests).toBe(1);
  pass.close();
  await cut;
  expect(pass.meter().models['claude-sonnet-4-5']).toMatchObject({ isEstimated: true });
});
