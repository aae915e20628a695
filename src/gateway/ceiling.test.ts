import { describe, expect, test } from 'vitest';
import { answer, MODEL, useGatewayBench } from './gateway.fixture.ts';
import type { SeenRequest } from './upstream.fixture.ts';

/** Highest cost of an output token: $15 per million, and a tenth more in the United States. */
const MICROS_PER_TOKEN = 16.5;

/** Highest cost of a prompt of that many bytes: a token for each byte, with its frame, written to the cache. */
const toInputMicros = (bytes: number): number => (bytes + 1_000) * 4.125;

const bench = useGatewayBench();
const { open, post } = bench;

const answerWith = (usage: Parameters<typeof answer>[1]): void =>
  bench.upstream.answerWith((response) => answer(response, usage));

const bodyOf = (seen: SeenRequest | undefined): Record<string, unknown> =>
  JSON.parse(seen?.body.toString() ?? '') as Record<string, unknown>;

/** Answers that the test gives one by one, when their requests arrive. */
function answerByHand(): { next(): Promise<Arrived> } {
  const arrived: Arrived[] = [];
  let wake = (): void => undefined;
  bench.upstream.answerWith((response, request) => {
    arrived.push({ request, give: (usage) => answer(response, usage), drop: () => response.destroy() });
    wake();
  });
  return {
    async next() {
      for (;;) {
        const first = arrived.shift();
        if (first !== undefined) return first;
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
    },
  };
}

interface Arrived {
  readonly request: SeenRequest;
  give(usage: object): void;
  drop(): void;
}

describe('the rest of the ceiling', () => {
  test('lowers max_tokens to what it can pay for, and the thinking budget with it', async () => {
    open({ ceilingMicros: 100_000 });
    const thinking = { type: 'enabled', budget_tokens: 31_999 };
    await (await post({ max_tokens: 32_000, thinking })).text();
    const most = Math.floor(100_000 / MICROS_PER_TOKEN);
    expect(bodyOf(bench.upstream.seen[0])).toEqual({
      model: MODEL,
      max_tokens: most,
      thinking: { type: 'enabled', budget_tokens: 4_096 },
    });
    expect(Number(bench.upstream.seen[0]?.headers['content-length'])).toBe(bench.upstream.seen[0]?.body.length);
  });

  test('leaves a request unchanged that it can pay for', async () => {
    open({ ceilingMicros: 100_000 });
    const body = `{ "model":"${MODEL}", "n":1.0, "max_tokens": ${Math.floor(100_000 / MICROS_PER_TOKEN)} }`;
    await (await post(body)).text();
    expect(bench.upstream.seen[0]?.body.toString()).toBe(body);
  });

  test('shrinks by the used amount', async () => {
    open({ ceilingMicros: 100_000 });
    answerWith({ inputTokens: 10_000, outputTokens: 1_000 });
    await (await post({ max_tokens: 1_000 })).text();
    await (await post({ max_tokens: 32_000 })).text();
    expect(bodyOf(bench.upstream.seen[1])['max_tokens']).toBe(Math.floor(55_000 / MICROS_PER_TOKEN));
  });

  test.each([
    ['its size', [{ role: 'user', content: 'x'.repeat(4_000) }], 1_010 * 3, 1_030 * 3],
    [
      'the whole window, if it refers to content elsewhere',
      [{ role: 'user', content: [{ type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } }] }],
      600_000,
      600_000,
    ],
  ])('shrinks by the probable input of an answer that reports none: %s', async (_, messages, least, most) => {
    open({ ceilingMicros: 1_000_000 });
    answerWith({ inputTokens: 0, outputTokens: 0 });
    await (await post({ max_tokens: 100, messages })).text();
    expect(bench.pass.meter().costMicros).toBeGreaterThanOrEqual(least);
    expect(bench.pass.meter().costMicros).toBeLessThanOrEqual(most);
    expect(bench.pass.meter().models[MODEL]).toMatchObject({ isEstimated: true });
  });

  test('does not pay for an answer without content: the request is rejected, unsent', async () => {
    open({ ceilingMicros: 100 * MICROS_PER_TOKEN - 1 });
    const response = await post({ max_tokens: 32_000 });
    expect(response.status).toBe(402);
    expect(await response.json()).toMatchObject({ error: { type: 'billing_error' } });
    expect(bench.pass.failure()).toMatchObject({ kind: 'refused', code: 'max_budget' });
    expect(bench.upstream.seen).toEqual([]);
    expect((await post({ max_tokens: 99 })).status).toBe(200);
  });

  test.each([[undefined], ['many'], [-1], [1.5], [null]])('counts max_tokens %j as the maximum', async (maxTokens) => {
    open({ ceilingMicros: 128_000 * MICROS_PER_TOKEN });
    await (await post({ max_tokens: maxTokens })).text();
    expect(bench.upstream.seen[0]?.body.toString()).toBe(JSON.stringify({ model: MODEL, max_tokens: maxTokens }));
    open({ ceilingMicros: 128_000 * MICROS_PER_TOKEN - 1 });
    await (await post({ max_tokens: maxTokens })).text();
    expect(bodyOf(bench.upstream.seen[1])['max_tokens']).toBe(127_999);
  });

  test.each([
    ['claude-haiku-5-5', {}, 2.75],
    ['claude-sonnet-4-5[1m]', {}, 24.75],
    ['claude-sonnet-4-5', { betas: ['context-1m-2025-08-07'] }, 24.75],
    ['claude-opus-4-0', {}, 82.5],
    ['claude-opus-4-6', {}, 27.5],
    ['claude-opus-4-6', { speed: 'fast' }, 165],
    // A model in no list may be any listed model, of which the most expensive costs $75 per million.
    ['home-made', {}, 82.5],
    // Each fallback may write as much.
    ['claude-fable-5', { fallbacks: [{ model: 'claude-opus-4-1' }] }, 2 * 82.5],
    ['claude-fable-5', { fallbacks: 'default' }, 4 * 82.5],
  ])('counts %s with %j at the highest price that may apply', async (model, extra, microsPerToken) => {
    open({ ceilingMicros: 100_000 });
    await (await post({ model, max_tokens: 64_000, ...extra })).text();
    expect(bodyOf(bench.upstream.seen[0])['max_tokens']).toBe(Math.floor(100_000 / microsPerToken));
  });

  test('also pays for the searches that a request allows', async () => {
    open({ ceilingMicros: 100_000 });
    const tools = [{ type: 'web_search_20250305', name: 'web_search', max_uses: 8 }];
    await (await post({ max_tokens: 32_000, tools })).text();
    expect(bodyOf(bench.upstream.seen[0])['max_tokens']).toBe(Math.floor(20_000 / MICROS_PER_TOKEN));
  });

  test('is not needed to count tokens', async () => {
    open({ ceilingMicros: 1 });
    expect((await post({}, { path: '/v1/messages/count_tokens' })).status).toBe(200);
  });
});

describe('parallel calls', () => {
  test('a call gets what the calls in progress cannot use up', async () => {
    const answers = answerByHand();
    open({ ceilingMicros: 500_000 });
    const first = post({ max_tokens: 20_000 });
    const one = await answers.next();
    const second = post({ max_tokens: 20_000 });
    const two = await answers.next();
    const reservedMicros = toInputMicros(one.request.body.length) + 20_000 * MICROS_PER_TOKEN;
    // The call's own input has to be paid for as well.
    const leftMicros = 500_000 - reservedMicros - toInputMicros(one.request.body.length);
    expect(bodyOf(two.request)['max_tokens']).toBe(Math.floor(leftMicros / MICROS_PER_TOKEN));
    one.give({ inputTokens: 100, outputTokens: 5 });
    two.give({ inputTokens: 100, outputTokens: 5 });
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });

  test('a call for which too little may be left waits until a call in progress leaves more', async () => {
    const answers = answerByHand();
    open({ ceilingMicros: 510_000 });
    const first = post({ max_tokens: 30_000 });
    const one = await answers.next();
    const second = post({ max_tokens: 30_000 });
    // The waiting call reserves nothing: a small call still fits in at the same time.
    const third = post({ max_tokens: 1 });
    (await answers.next()).give({});
    await third;
    expect(bench.upstream.seen).toHaveLength(2);
    one.give({ inputTokens: 100, outputTokens: 1_000 });
    const two = await answers.next();
    expect(bodyOf(two.request)['max_tokens']).toBe(Math.floor((510_000 - 15_300) / MICROS_PER_TOKEN));
    two.give({});
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });

  test('a call that waited for money that was used up is rejected, and the others do not hide the reason', async () => {
    const answers = answerByHand();
    open({ ceilingMicros: 330_000 });
    const first = post({ max_tokens: 10_000 });
    const one = await answers.next();
    const second = post({ max_tokens: 5_000 });
    const two = await answers.next();
    const third = post({ max_tokens: 32_000 });
    one.give({ inputTokens: 110_000 });
    await (await first).text();
    expect((await third).status).toBe(402);
    two.give({});
    await (await second).text();
    expect(bench.pass.failure()).toMatchObject({ code: 'max_budget' });
  });

  test('a call that began before and fails afterwards does not hide the reason either', async () => {
    const answers = answerByHand();
    open({ ceilingMicros: 20_000 });
    const first = post({ max_tokens: 100 });
    const one = await answers.next();
    const second = post({ max_tokens: 100 });
    (await answers.next()).give({ inputTokens: 10_000 });
    await second;
    expect((await post({ max_tokens: 100 })).status).toBe(402);
    one.drop();
    expect((await first).status).toBe(502);
    expect(bench.pass.failure()).toMatchObject({ code: 'max_budget' });
  });

  test('a process that goes away while its call waits leaves nothing behind, nor does the end of the attempt', async () => {
    const answers = answerByHand();
    open({ ceilingMicros: 100_000 });
    const first = post({ max_tokens: 32_000 });
    const one = await answers.next();
    const leaving = new AbortController();
    const second = post({ max_tokens: 32_000 }, { signal: leaving.signal });
    const third = post({ max_tokens: 32_000 });
    await expect.poll(() => bench.pass.openRequests).toBe(3);
    leaving.abort();
    await expect(second).rejects.toThrow();
    await expect.poll(() => bench.pass.openRequests).toBe(2);
    bench.pass.close();
    await expect(third).rejects.toThrow();
    await expect(first).rejects.toThrow();
    one.give({});
    expect(bench.upstream.seen).toHaveLength(1);
    await expect.poll(() => bench.pass.openRequests).toBe(0);
  });
});
