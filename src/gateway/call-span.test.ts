import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { receiveSpans, type Span } from '../core/tracing.ts';
import { answer, MODEL, useGatewayBench } from './gateway.fixture.ts';

describe('the span of a model call', () => {
  const bench = useGatewayBench();
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isSampled: true, state: null };
  let spans: Span[];
  let stop: () => void;

  beforeEach(() => {
    spans = [];
    stop = receiveSpans({ sampleRatio: 1, receive: (span) => void spans.push(span) });
  });
  afterEach(() => stop());

  const call = async (body: object = { max_tokens: 10 }) => (await bench.post(body)).text();

  it('has the model, the provider and the tokens, and the provider continues it', async () => {
    bench.open({ trace });
    bench.upstream.answerWith((response) => answer(response, { inputTokens: 100, outputTokens: 20 }));
    await call();
    await expect.poll(() => spans.length).toBe(1);
    const [span] = spans;
    const { port } = new URL(bench.upstream.url);
    expect(span).toMatchObject({ name: `chat ${MODEL}`, kind: 'client', parentSpanId: trace.spanId, error: null });
    expect(span?.context.traceId).toBe(trace.traceId);
    expect(span?.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': MODEL,
      'gen_ai.response.model': MODEL,
      'gen_ai.request.max_tokens': 10,
      'gen_ai.usage.input_tokens': 100,
      'gen_ai.usage.output_tokens': 20,
      'server.address': '127.0.0.1',
      'server.port': Number(port),
    });
    expect(span!.endedAtMs).toBeGreaterThanOrEqual(span!.startedAtMs);
    expect(bench.upstream.seen[0]?.headers['traceparent']).toBe(`00-${trace.traceId}-${span?.context.spanId}-01`);
  });

  it('says why a call failed, or was not sent', async () => {
    bench.open({ trace });
    bench.upstream.answerWith((response) => void response.writeHead(529).end('{}'));
    await call();
    await expect.poll(() => spans.length).toBe(1);
    bench.open({ trace, ceilingMicros: 0 });
    await call();
    await expect.poll(() => spans.map(({ error }) => error)).toEqual(['529', 'budget']);
    expect(bench.upstream.seen).toHaveLength(1);
  });

  it('does not exist for a count of tokens, which belongs to the attempt', async () => {
    bench.open({ trace });
    await bench.post({}, { path: '/v1/messages/count_tokens' });
    expect(bench.upstream.seen[0]?.headers['traceparent']).toContain(trace.spanId);
    expect(spans).toEqual([]);
  });
});
