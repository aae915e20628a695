import { promisify } from 'node:util';
import { brotliCompress, createGzip, deflate, gzip, zstdCompress } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { useGatewayBench } from './gateway.fixture.ts';
import { messageStart, sse } from './upstream.fixture.ts';

// The gateway requests no compression; a proxy before a provider may compress all the same.

const COMPRESS: Readonly<Record<string, (text: string) => Promise<Buffer>>> = {
  gzip: promisify(gzip),
  'X-GZip': promisify(gzip),
  br: promisify(brotliCompress),
  zstd: promisify(zstdCompress),
  deflate: promisify(deflate),
};

const STREAM = messageStart + sse('message_delta', { usage: { output_tokens: 300 } }) + sse('message_stop');

describe('a compressed answer', () => {
  const bench = useGatewayBench();

  test.each(Object.keys(COMPRESS))('in %s is read by the meter and passed on uncompressed', async (encoding) => {
    bench.open({});
    const bytes = await COMPRESS[encoding]!(STREAM);
    bench.upstream.answerWith((response) => {
      const headers = { 'content-type': 'text/event-stream', 'content-encoding': encoding };
      response.writeHead(200, { ...headers, 'content-length': bytes.length }).end(bytes);
    });
    const response = await bench.post({ stream: true });
    expect(await response.text()).toBe(STREAM);
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(response.headers.get('content-length')).toBeNull();
    expect(bench.pass.meter().usage).toMatchObject({ inputTokens: 1_000, outputTokens: 300 });
    expect(bench.upstream.seen[0]?.headers['accept-encoding']).toBe('identity');
  });

  test.each(Object.keys(COMPRESS))('in %s that is an error is judged by its content', async (encoding) => {
    bench.open({});
    const day = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10);
    const message = `You have reached your specified API usage limits. You will regain access on ${day} at 00:00 UTC.`;
    const bytes = await COMPRESS[encoding]!(
      JSON.stringify({ type: 'error', error: { type: 'invalid_request_error', message } }),
    );
    bench.upstream.answerWith((response) => {
      response.writeHead(400, { 'content-type': 'application/json', 'content-encoding': encoding }).end(bytes);
    });
    const response = await bench.post({});
    expect(response.status).toBe(402);
    expect(await response.text()).toContain('regain access');
    expect(bench.pass.failure()).toMatchObject({ kind: 'rate_limit', resetAt: Date.parse(day) });
  });

  test('is passed on as it arrives, not at its end', async () => {
    bench.open({});
    const rest = Promise.withResolvers<void>();
    bench.upstream.answerWith(async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      const compressor = createGzip();
      compressor.pipe(response);
      compressor.write(messageStart);
      compressor.flush();
      await rest.promise;
      compressor.end(sse('message_stop'));
    });
    const reader = (await bench.post({ stream: true })).body!.getReader();
    expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe(messageStart);
    rest.resolve();
    while (!(await reader.read()).done);
  });

  test('compressed twice is decoded twice', async () => {
    bench.open({});
    const once = await COMPRESS['br']!('{"usage":{"input_tokens":3,"output_tokens":4}}');
    const bytes = await (promisify(gzip) as (input: Buffer) => Promise<Buffer>)(once);
    bench.upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'br, gzip' }).end(bytes);
    });
    expect(await (await bench.post({})).json()).toEqual({ usage: { input_tokens: 3, output_tokens: 4 } });
    expect(bench.pass.meter().usage).toMatchObject({ inputTokens: 3, outputTokens: 4 });
  });

  test('that breaks off counts as interrupted by the provider, and its received part is counted', async () => {
    bench.open({});
    const bytes = await COMPRESS['gzip']!(STREAM + sse('ping').repeat(5_000));
    bench.upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
      response.end(bytes.subarray(0, bytes.length - 20));
    });
    await expect(bench.post({ stream: true }).then((response) => response.text())).rejects.toThrow();
    expect(bench.pass.failure()).toMatchObject({ kind: 'unreachable' });
    expect(bench.pass.meter().usage).toMatchObject({ inputTokens: 1_000, outputTokens: 300 });
  });

  test.each(['compress', 'gzip, gzip, gzip'])(
    'in the encoding %s is a failure that names the encoding',
    async (encoding) => {
      bench.open({});
      bench.upstream.answerWith((response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': encoding }).end('x');
      });
      const response = await bench.post({});
      expect(response.status).toBe(502);
      expect(await response.text()).toContain('ERR_CONTENT_ENCODING');
      expect(bench.pass.failure()).toMatchObject({ kind: 'unreachable' });
    },
  );
});
