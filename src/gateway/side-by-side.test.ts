import { describe, expect, test } from 'vitest';
import { answer, MODEL, useGatewayBench } from './gateway.fixture.ts';

/** An agent's own Bash may do this with the token in its environment: many calls at once, each larger than it looks. */

const bench = useGatewayBench();

const CEILING_MICROS = 500_000;
const WINDOW_TOKENS = 200_000;
/** The window of the model, at $3 per million. */
const WINDOW_MICROS = 600_000;

const say = (...content: unknown[]) => ({ max_tokens: 1_000, messages: [{ role: 'user', content }] });

/** Sends sixteen calls at once, repeatedly, until the run has used up its ceiling. */
async function sendUntilRefused(body: object): Promise<number[]> {
  const statuses: number[] = [];
  const loop = async (): Promise<void> => {
    for (let round = 0; round < 20; round++) {
      const { status } = await bench.post(body);
      statuses.push(status);
      if (status !== 200) return;
    }
  };
  await Promise.all(Array.from({ length: 16 }, loop));
  return statuses;
}

describe('sixteen calls at once', () => {
  test.each([
    [
      'documents by their address',
      say({ type: 'document', source: { type: 'url', url: 'https://example.com/a.pdf' } }),
    ],
    ['documents by their id', say({ type: 'document', source: { type: 'file', file_id: 'file_1' } })],
    ['PDFs of many pages', say({ type: 'document', source: { type: 'base64', data: 'JVBERi0=' } })],
    ['parts that are new to us', say({ type: 'novelty', id: '1' })],
    ['a member that is new to us', { ...say(), novelty: 'https://example.com' }],
    ['searches', { ...say(), tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 8 }] }],
  ])('with %s exceed the ceiling by less than one of them', async (_, body) => {
    bench.upstream.answerWith((response) => answer(response, { inputTokens: WINDOW_TOKENS }));
    bench.open({ ceilingMicros: CEILING_MICROS });
    const statuses = await sendUntilRefused(body);
    expect(statuses.filter((status) => status !== 200)).toEqual(Array.from({ length: 16 }, () => 402));
    expect(bench.pass.meter().costMicros).toBeLessThanOrEqual(CEILING_MICROS + WINDOW_MICROS);
    expect(bench.pass.failure()).toMatchObject({ code: 'max_budget' });
  });

  test('of a text with a token for each byte exceed it by less than one of them', async () => {
    bench.upstream.answerWith((response, { body }) => answer(response, { inputTokens: body.length }));
    bench.open({ ceilingMicros: CEILING_MICROS });
    await sendUntilRefused(say({ type: 'text', text: '7'.repeat(30_000) }));
    const { costMicros } = bench.pass.meter();
    expect(costMicros).toBeGreaterThanOrEqual(CEILING_MICROS);
    expect(costMicros).toBeLessThanOrEqual(CEILING_MICROS + 31_000 * 3);
  });

  test('of pictures exceed it by less than one of them', async () => {
    const pictures = Array.from({ length: 4 }, () => ({ type: 'image', source: { type: 'base64', data: 'x' } }));
    bench.upstream.answerWith((response) => answer(response, { inputTokens: 4 * 4_784 }));
    bench.open({ ceilingMicros: CEILING_MICROS });
    await sendUntilRefused(say(...pictures));
    expect(bench.pass.meter().costMicros).toBeLessThanOrEqual(CEILING_MICROS + 4 * 4_784 * 3);
  });

  test.each([
    ['claude-opus-4-0', 'claude-opus-4-20250514', 15],
    ['arn:aws:bedrock:us-east-1:1:application-inference-profile/abc', 'claude-opus-4-1', 15],
    ['my-alias', 'claude-fable-5', 10],
  ])('of %s, which is %s, exceed it by less than one of them', async (asked, answered, usdPerMTok) => {
    bench.upstream.answerWith((response, { body }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const { max_tokens: outputTokens } = JSON.parse(body.toString()) as { max_tokens: number };
      const usage = { input_tokens: 1_000, output_tokens: outputTokens };
      response.end(JSON.stringify({ model: answered, usage }));
    });
    bench.open({ ceilingMicros: CEILING_MICROS });
    await sendUntilRefused({ ...say({ type: 'text', text: 'x'.repeat(1_000) }), model: asked, max_tokens: 32_000 });
    expect(bench.pass.meter().costMicros).toBeLessThanOrEqual(CEILING_MICROS + 1_000 * usdPerMTok);
  });
});

describe('tools that the provider calls by itself', () => {
  const served = { ...say(), tools: [{ type: 'web_fetch_20250910', name: 'web_fetch' }] };

  test('are rejected if their possible cost is not left; the run continues', async () => {
    bench.upstream.answerWith((response) => answer(response, { inputTokens: 100 }));
    bench.open({ ceilingMicros: CEILING_MICROS });
    const refused = await bench.post(served);
    expect(refused.status).toBe(400);
    const { error } = (await refused.json()) as { error: { type: string; message: string } };
    expect(error.type).toBe('invalid_request_error');
    expect(error.message).toContain('With web_fetch_20250910 the provider may read');
    expect(error.message).toContain('$0.50');
    expect(bench.upstream.seen).toEqual([]);
    expect(bench.pass.failure()).toBeNull();
    expect((await bench.post(say())).status).toBe(200);
  });

  test('pass if it is left', async () => {
    bench.open({ ceilingMicros: 100_000_000 });
    expect((await bench.post(served)).status).toBe(200);
  });

  test('pass without a ceiling', async () => {
    bench.open({});
    expect((await bench.post(served)).status).toBe(200);
  });
});

test('a model that has answered to a name is reserved for from then on', async () => {
  bench.upstream.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ model: 'claude-opus-4-1', usage: { input_tokens: 1, output_tokens: 1 } }));
  });
  bench.open({ ceilingMicros: CEILING_MICROS });
  await (await bench.post({ max_tokens: 64_000 })).text();
  await (await bench.post({ max_tokens: 64_000 })).text();
  const lowered = bench.upstream.seen.map(
    ({ body }) => (JSON.parse(body.toString()) as { max_tokens: number }).max_tokens,
  );
  expect(lowered[0]).toBe(Math.floor(CEILING_MICROS / 16.5));
  expect(lowered[1]).toBe(Math.floor((CEILING_MICROS - 90) / 82.5));
});

test('a fallback may neither write nor think more than the rest allows', async () => {
  bench.open({ ceilingMicros: 100_000, maxThinkingTokens: 2_000 });
  const fallbacks = [
    { model: MODEL, max_tokens: 64_000, thinking: { type: 'enabled', budget_tokens: 31_999 } },
    { model: MODEL, max_tokens: 10 },
  ];
  await (await bench.post({ max_tokens: 500, fallbacks })).text();
  const sent = JSON.parse(bench.upstream.seen[0]?.body.toString() ?? '') as Record<string, unknown>;
  expect(sent['max_tokens']).toBe(500);
  expect(sent['fallbacks']).toEqual([
    { model: MODEL, max_tokens: Math.floor(100_000 / 3 / 16.5), thinking: { type: 'enabled', budget_tokens: 1_024 } },
    { model: MODEL, max_tokens: 10 },
  ]);
});
