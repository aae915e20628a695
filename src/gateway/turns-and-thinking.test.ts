import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGateway, type Gateway, type GatewayPass } from './gateway.ts';
import type { OpenOptions } from './lane.ts';
import { startUpstream, type TestUpstream } from './upstream.fixture.ts';

const MODEL = 'claude-sonnet-4-5';

let upstream: TestUpstream;
let gateway: Gateway;
let pass: GatewayPass;

beforeEach(async () => {
  upstream = await startUpstream();
  gateway = await createGateway({ upstream: { baseUrl: upstream.url, headers: {} }, silenceMs: 10_000 });
});

afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

function open(limits: Pick<OpenOptions, 'maxTurns' | 'maxThinkingTokens'>): void {
  pass = gateway.open({ attemptId: 'attempt-1', ...limits });
}

function post(body: object): Promise<Response> {
  return fetch(`${gateway.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': pass.token },
    body: JSON.stringify({ model: MODEL, ...body }),
  });
}

function answer(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ model: MODEL, usage: { input_tokens: 0, output_tokens: 0 } }));
}

const tool = { name: 'Bash', input_schema: {} };

describe('turns', () => {
  test('answers to requests with tools are counted; the next such request is refused', async () => {
    open({ maxTurns: 2 });
    upstream.answerWith((response) => answer(response));
    const tools = [tool];
    expect((await post({ max_tokens: 1, tools })).status).toBe(200);
    expect((await post({ max_tokens: 1, tools: [] })).status).toBe(200);
    expect((await post({ max_tokens: 1, tools: [{ type: 'web_search_20250305', name: 'web_search' }] })).status).toBe(
      200,
    );
    upstream.answerWith((response) => void response.writeHead(500).end());
    expect((await post({ max_tokens: 1, tools })).status).toBe(500);
    upstream.answerWith((response) => answer(response));
    expect((await post({ max_tokens: 1, tools })).status).toBe(200);
    const refused = await post({ max_tokens: 1, tools });
    expect(refused.status).toBe(402);
    expect(pass.failure()).toMatchObject({ kind: 'refused', code: 'max_turns' });
    expect((await post({ max_tokens: 1 })).status).toBe(200);
    expect(upstream.seen).toHaveLength(6);
  });

  test('side by side there are no more of them; one that fails leaves its place to the next', async () => {
    const held: ServerResponse[] = [];
    const arrived = Promise.withResolvers<void>();
    upstream.answerWith((response) => {
      held.push(response);
      if (held.length === 2) arrived.resolve();
      if (held.length > 2) answer(response);
    });
    open({ maxTurns: 2 });
    const calls = [1, 2, 3, 4].map(() => post({ max_tokens: 1, tools: [tool] }));
    await arrived.promise;
    await expect.poll(() => pass.openRequests).toBe(4);
    expect(held).toHaveLength(2);
    held[0]?.writeHead(500).end();
    answer(held[1] as ServerResponse);
    const statuses = (await Promise.all(calls)).map((response) => response.status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 402, 500]);
    expect(pass.failure()).toMatchObject({ code: 'max_turns' });
  });

  test('none at all may be allowed', async () => {
    open({ maxTurns: 0 });
    expect((await post({ max_tokens: 1, tools: [tool] })).status).toBe(402);
    expect(upstream.seen).toEqual([]);
  });
});

describe('thinking', () => {
  test.each([
    [8_000, { type: 'enabled', budget_tokens: 31_999 }, { type: 'enabled', budget_tokens: 8_000 }],
    [0, { type: 'enabled', budget_tokens: 31_999 }, { type: 'disabled' }],
    [0, { type: 'adaptive' }, { type: 'disabled' }],
    [8_000, { type: 'adaptive' }, { type: 'adaptive' }],
  ])('of at most %i tokens makes of %j %j', async (maxThinkingTokens, thinking, expected) => {
    open({ maxThinkingTokens });
    await (await post({ max_tokens: 32_000, thinking })).text();
    expect(JSON.parse(upstream.seen[0]?.body.toString() ?? '')).toEqual({
      model: MODEL,
      max_tokens: 32_000,
      thinking: expected,
    });
  });
});
