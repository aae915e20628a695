import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { answer, MODEL, useGatewayBench } from './gateway.fixture.ts';

const bench = useGatewayBench();
const { open, post } = bench;

const tool = { name: 'Bash', input_schema: {} };

describe('turns', () => {
  test('answers to requests with tools are counted; the next such request is rejected', async () => {
    open({ maxTurns: 2 });
    bench.upstream.answerWith((response) => answer(response));
    const tools = [tool];
    expect((await post({ max_tokens: 1, tools })).status).toBe(200);
    expect((await post({ max_tokens: 1, tools: [] })).status).toBe(200);
    expect((await post({ max_tokens: 1, tools: [{ type: 'web_search_20250305', name: 'web_search' }] })).status).toBe(
      200,
    );
    bench.upstream.answerWith((response) => void response.writeHead(500).end());
    expect((await post({ max_tokens: 1, tools })).status).toBe(500);
    bench.upstream.answerWith((response) => answer(response));
    expect((await post({ max_tokens: 1, tools })).status).toBe(200);
    const refused = await post({ max_tokens: 1, tools });
    expect(refused.status).toBe(402);
    expect(bench.pass.failure()).toMatchObject({ kind: 'refused', code: 'max_turns' });
    expect((await post({ max_tokens: 1 })).status).toBe(200);
    expect(bench.upstream.seen).toHaveLength(6);
  });

  test('in parallel there are no more of them; a failed request leaves its place to the next', async () => {
    const held: ServerResponse[] = [];
    const arrived = Promise.withResolvers<void>();
    bench.upstream.answerWith((response) => {
      held.push(response);
      if (held.length === 2) arrived.resolve();
      if (held.length > 2) answer(response);
    });
    open({ maxTurns: 2 });
    const calls = [1, 2, 3, 4].map(() => post({ max_tokens: 1, tools: [tool] }));
    await arrived.promise;
    await expect.poll(() => bench.pass.openRequests).toBe(4);
    expect(held).toHaveLength(2);
    held[0]?.writeHead(500).end();
    answer(held[1] as ServerResponse);
    const statuses = (await Promise.all(calls)).map((response) => response.status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 402, 500]);
    expect(bench.pass.failure()).toMatchObject({ code: 'max_turns' });
  });

  test('none at all may be allowed', async () => {
    open({ maxTurns: 0 });
    expect((await post({ max_tokens: 1, tools: [tool] })).status).toBe(402);
    expect(bench.upstream.seen).toEqual([]);
  });
});

describe('thinking', () => {
  test.each([
    [8_000, { type: 'enabled', budget_tokens: 31_999 }, { type: 'enabled', budget_tokens: 8_000 }],
    [0, { type: 'enabled', budget_tokens: 31_999 }, { type: 'disabled' }],
    [0, { type: 'adaptive' }, { type: 'disabled' }],
    [8_000, { type: 'adaptive' }, { type: 'adaptive' }],
  ])('of at most %i tokens turns %j into %j', async (maxThinkingTokens, thinking, expected) => {
    open({ maxThinkingTokens });
    await (await post({ max_tokens: 32_000, thinking })).text();
    expect(JSON.parse(bench.upstream.seen[0]?.body.toString() ?? '')).toEqual({
      model: MODEL,
      max_tokens: 32_000,
      thinking: expected,
    });
  });
});
