import { describe, expect, it } from 'vitest';
import { answer, useGatewayBench } from './gateway.fixture.ts';

describe('spans that an attempt’s process exports', () => {
  const bench = useGatewayBench();
  const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isSampled: true, state: 'vendor=1' };
  const path = '/v1/traces';

  it('are handed to the attempt, and go nowhere else', async () => {
    const taken: unknown[] = [];
    bench.open({ onSpans: (exported) => void taken.push(exported) });
    const response = await bench.post('{"resourceSpans":[]}', { path });
    expect([response.status, await response.text()]).toEqual([200, '{}']);
    expect(taken).toEqual([{ resourceSpans: [] }]);
    expect(bench.upstream.seen).toEqual([]);
  });

  it('are dropped when nobody wants them', async () => {
    bench.open({});
    expect((await bench.post('{}', { path })).status).toBe(200);
  });

  it('are rejected when they are too large, no JSON, or without an attempt', async () => {
    bench.open({ onSpans: () => {} });
    expect((await bench.post(JSON.stringify('x'.repeat(2_000_000)), { path })).status).toBe(413);
    expect((await bench.post('<spans>', { path })).status).toBe(400);
    bench.pass.close();
    expect((await bench.post('{}', { path })).status).toBe(402);
  });

  it('leave the provider to continue the span of its call, without the caller’s state', async () => {
    bench.open({ trace });
    bench.upstream.answerWith((response) => answer(response));
    await bench.post({ max_tokens: 10 });
    const [request] = bench.upstream.seen;
    // Without an exporter there is no span of the call: the caller's own span is continued.
    expect(request?.headers['traceparent']).toBe(`00-${trace.traceId}-${trace.spanId}-01`);
    expect(request?.headers['tracestate']).toBeUndefined();
  });
});
