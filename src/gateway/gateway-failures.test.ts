import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGateway, type Gateway, type GatewayPass } from './gateway.ts';
import {
  messageStart,
  readBroken,
  sse,
  startUpstream,
  textDelta,
  wholeStream,
  type TestUpstream,
} from './upstream.fixture.ts';

const PROVIDER_KEY = 'sk-the-real-provider-key';
const SILENCE_MS = 200;

let upstream: TestUpstream;
let gateway: Gateway;
let pass: GatewayPass;
let logged: string;

beforeEach(async () => {
  upstream = await startUpstream();
  logged = '';
  await open({ silenceMs: SILENCE_MS });
});

async function open({ silenceMs }: { silenceMs: number }): Promise<void> {
  const write = (fields: object, message: string): void => void (logged += `${JSON.stringify(fields)} ${message}\n`);
  gateway = await createGateway({
    providers: new Map([['default', { upstream: { baseUrl: upstream.url, headers: { 'x-api-key': PROVIDER_KEY } } }]]),
    silenceMs,
    log: { debug: write, warn: write, error: write },
  });
  pass = gateway.openLane().open({ attemptId: 'attempt-1' });
}

afterEach(async () => {
  const { token } = pass;
  await gateway.close();
  await upstream.close();
  expect(logged).not.toContain(PROVIDER_KEY);
  expect(logged).not.toContain(token);
  expect(pass.openRequests).toBe(0);
});

function post({ stream = true, path = '/v1/messages', signal }: PostOptions = {}): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${pass.token}` },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 10, stream }),
    signal: signal ?? null,
  });
}

interface PostOptions {
  readonly stream?: boolean;
  readonly path?: string;
  readonly signal?: AbortSignal;
}

function answerWithError(status: number, { type = 'api_error', headers = {} } = {}): void {
  upstream.answerWith((response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ type: 'error', error: { type, message: `Said no to ${PROVIDER_KEY}` } }));
  });
}

function answerWithStream(): void {
  upstream.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(wholeStream);
  });
}

/** An answer that begins and then neither continues nor ends. */
function answerHalf(): Promise<ServerResponse> {
  const { promise, resolve } = Promise.withResolvers<ServerResponse>();
  upstream.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(messageStart + textDelta('x'.repeat(400)));
    resolve(response);
  });
  return promise;
}

async function readUntilHalf(response: Response): Promise<() => Promise<unknown>> {
  const reader = response.body?.getReader();
  await reader?.read();
  return async () => {
    while (!(await reader?.read())?.done);
  };
}

describe('error answers', () => {
  test.each([
    [400, 'invalid_request'],
    [402, 'refused'],
    [404, 'not_found'],
    [413, 'too_large'],
    [429, 'rate_limit'],
    [500, 'server_error'],
    [529, 'overloaded'],
  ] as const)('%i passes and is recorded as %s until a call succeeds', async (status, kind) => {
    answerWithError(status, { headers: { 'retry-after': '3' } });
    const response = await post();
    expect(response.status).toBe(status);
    expect(response.headers.get('retry-after')).toBe('3');
    expect(await response.json()).toEqual({
      type: 'error',
      error: { type: 'api_error', message: 'Said no to [redacted]' },
    });
    expect(pass.failure()).toMatchObject({ kind, status, message: 'Said no to [redacted]', retryAfterSeconds: 3 });
    expect(pass.meter()).toMatchObject({ requestCount: 1, costMicros: 0 });

    answerWithStream();
    await (await post()).text();
    expect(pass.failure()).toBeNull();
  });

  test.each([401, 403])('%i is answered as 403, and the attempt’s later requests are not sent', async (status) => {
    answerWithError(status);
    const first = await post();
    expect(first.status).toBe(403);
    expect(await first.text()).toContain('Said no to');
    expect((await post()).status).toBe(403);
    expect(upstream.seen).toHaveLength(1);
    expect(pass.failure()).toMatchObject({ kind: 'auth', status });
  });

  test('a provider that does not count tokens fails no run', async () => {
    answerWithError(403);
    await (await post({ path: '/v1/messages/count_tokens' })).text();
    expect(pass.failure()).toBeNull();
    answerWithStream();
    expect((await post()).status).toBe(200);
  });

  test('a redirect is not followed and not passed on', async () => {
    upstream.answerWith((response) => void response.writeHead(307, { location: 'http://elsewhere.invalid/' }).end());
    const response = await post();
    expect(response.status).toBe(502);
    expect(response.headers.get('location')).toBeNull();
    expect(pass.failure()).toMatchObject({ kind: 'server_error', status: 307 });
  });

  test('an error within a stream is recorded, and breaks the connection in its place', async () => {
    const error = sse('error', { error: { type: 'overloaded_error', message: 'Overloaded' } });
    upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(messageStart + error);
    });
    expect(await readBroken(await post())).toBe(messageStart);
    expect(pass.failure()).toMatchObject({ kind: 'overloaded', status: 529, message: 'Overloaded' });
  });

  test('an error within a stream is recorded with its details, even if they arrive after its name', async () => {
    const error = sse('error', { error: { type: 'overloaded_error', message: 'Overloaded' } });
    const words = error.indexOf('data:');
    upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(messageStart + error.slice(0, words));
      setTimeout(() => response.write(error.slice(words)), SILENCE_MS / 4);
    });
    expect(await readBroken(await post())).toBe(messageStart);
    expect(pass.failure()).toMatchObject({ kind: 'overloaded', status: 529, message: 'Overloaded' });
  });

  test('an error within a stream is enough: the gateway does not wait for its end', async () => {
    const error = sse('error', { error: { type: 'rate_limit_error', message: 'Slow down' } });
    const hungUp = Promise.withResolvers<unknown>();
    upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(messageStart + error);
      hungUp.resolve(once(response, 'close'));
    });
    expect(await readBroken(await post())).toBe(messageStart);
    await hungUp.promise;
    expect(pass.failure()).toMatchObject({ kind: 'rate_limit', status: 429, message: 'Slow down' });
  });

  test.each([
    ['before its first event', ''],
    ['within its text', messageStart + textDelta('Half')],
  ])('a stream that ends %s, in good order, breaks the connection of the process', async (_, half) => {
    upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(half);
    });
    expect(await readBroken(await post())).toBe(half);
    expect(pass.failure()).toMatchObject({ kind: 'unreachable' });
  });

  test('a provider that cannot be reached is answered with 502', async () => {
    await upstream.close();
    const response = await post();
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'api_error' } });
    expect(pass.failure()).toMatchObject({ kind: 'unreachable', status: null });
    upstream = await startUpstream();
  });

  test('a kept connection that the provider closed is replaced silently', async () => {
    answerWithStream();
    await (await post()).text();
    const served = new Set<unknown>();
    upstream.answerWith((response) => {
      // The first request on the old connection is cut without an answer, as when it closes at the moment of use.
      if (served.size === 0) {
        served.add(response);
        response.socket?.resetAndDestroy();
      } else {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).end(wholeStream);
      }
    });
    expect((await post()).status).toBe(200);
    expect(pass.failure()).toBeNull();
  });

  test('a kept connection that ends without an answer later fails the call: the provider may have billed it', async () => {
    await gateway.close();
    await open({ silenceMs: 10_000 });
    answerWithStream();
    await (await post()).text();
    upstream.answerWith((response) => void setTimeout(() => response.socket?.resetAndDestroy(), 1_200));
    const response = await post();
    expect(response.status).toBe(502);
    expect(upstream.seen).toHaveLength(2);
    expect(pass.failure()).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('ECONNRESET') as string,
    });
  });
});

describe('broken streams', () => {
  test('a stream the provider breaks off reaches the process as broken, and is counted with an estimate', async () => {
    const half = answerHalf();
    const readRest = await readUntilHalf(await post());
    (await half).destroy();
    await expect(readRest()).rejects.toThrow();
    expect(pass.failure()).toMatchObject({ kind: 'unreachable', status: null });
    expect(pass.meter().models['claude-sonnet-4-5-20250929']).toMatchObject({ outputTokens: 100, isEstimated: true });
  });

  test('a process that goes away ends its request at the provider', async () => {
    const half = answerHalf();
    const leaving = new AbortController();
    await readUntilHalf(await post({ signal: leaving.signal }));
    const upstreamClosed = half.then((response) => once(response, 'close'));
    await half;
    leaving.abort();
    await upstreamClosed;
    expect(pass.failure()).toBeNull();
    expect(pass.meter().usage.outputTokens).toBe(100);
  });

  test('closing a pass cuts its requests on both sides and counts them at once', async () => {
    const half = answerHalf();
    const readRest = await readUntilHalf(await post());
    const upstreamClosed = once(await half, 'close');
    expect(pass.openRequests).toBe(1);
    pass.close();
    expect(pass.meter().models['claude-sonnet-4-5-20250929']).toMatchObject({ outputTokens: 100, isEstimated: true });
    await expect(readRest()).rejects.toThrow();
    await upstreamClosed;
    expect((await post()).status).toBe(402);
  });

  test('closing the gateway cuts everything', async () => {
    const half = answerHalf();
    const readRest = await readUntilHalf(await post());
    const upstreamClosed = once(await half, 'close');
    await gateway.close();
    await expect(readRest()).rejects.toThrow();
    await upstreamClosed;
    gateway = await createGateway({
      providers: new Map([['default', { upstream: { baseUrl: upstream.url, headers: {} } }]]),
      silenceMs: SILENCE_MS,
    });
  });
});

describe('silence', () => {
  test('a silent provider is cut off: 504 at first, 402 the second time, nothing is sent after', async () => {
    upstream.answerWith(() => undefined);
    expect((await post()).status).toBe(504);
    expect(pass.failure()).toMatchObject({ kind: 'silent', status: null });
    expect((await post()).status).toBe(402);
    expect((await post()).status).toBe(402);
    expect(upstream.seen).toHaveLength(2);
    expect(pass.failure()).toMatchObject({ kind: 'silent' });
  });

  test('requests that hang in parallel are one silence', async () => {
    upstream.answerWith(() => undefined);
    const answers = await Promise.all([post(), post(), post()]);
    expect(answers.map((answer) => answer.status)).toEqual([504, 504, 504]);
  });

  test('an answer in between makes the next silence the first again', async () => {
    upstream.answerWith(() => undefined);
    expect((await post()).status).toBe(504);
    answerWithStream();
    await (await post()).text();
    upstream.answerWith(() => undefined);
    expect((await post()).status).toBe(504);
  });

  test('a stream that falls silent is cut; after the second one requests are refused', async () => {
    void answerHalf();
    for (const _ of [1, 2]) {
      const readRest = await readUntilHalf(await post());
      await expect(readRest()).rejects.toThrow();
      expect(pass.failure()).toMatchObject({ kind: 'silent' });
    }
    expect((await post()).status).toBe(402);
    expect(upstream.seen).toHaveLength(2);
  });

  test('a request that is not streamed may take longer', async () => {
    upstream.answerWith((response) => void setTimeout(() => response.end('{}'), 2 * SILENCE_MS));
    expect((await post({ stream: false })).status).toBe(200);
  });

  test('a stream that sends something now and then is not cut', async () => {
    upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let pings = 0;
      const timer = setInterval(() => {
        response.write(sse('ping'));
        if (++pings < 5) return;
        clearInterval(timer);
        response.end(wholeStream);
      }, SILENCE_MS / 2);
    });
    expect(await (await post()).text()).toBe(sse('ping').repeat(5) + wholeStream);
  });
});

describe('an answer that is too large', () => {
  // This process also reads so much that it looks silent.
  beforeEach(async () => {
    await gateway.close();
    await open({ silenceMs: 30_000 });
  });

  const beginOfBlock = sse('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });

  test.each([
    [
      'in one line',
      [messageStart, beginOfBlock, textDelta('x'.repeat(5_000_000))],
      'a line of more than 4000000 bytes',
    ],
    [
      'in one block',
      [messageStart, beginOfBlock, ...Array.from({ length: 11 }, () => textDelta('x'.repeat(100_000)))],
      'a block of more than 1000000 characters',
    ],
    [
      'in all',
      [messageStart, ...Array.from({ length: 40 }, () => beginOfBlock + textDelta('x'.repeat(900_000)))],
      'more than 32000000 bytes',
    ],
  ])('%s is cut off at the provider too, and the attempt ends', async (_, parts, bound) => {
    const hungUp = Promise.withResolvers<unknown>();
    upstream.answerWith(async (response) => {
      hungUp.resolve(once(response, 'close'));
      response.on('error', () => undefined);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const part of parts)
        if (!response.write(part)) await Promise.race([once(response, 'drain'), hungUp.promise]);
      response.end(wholeStream);
    });
    const received = await readBroken(await post());
    expect(received.length).toBeLessThan(32_000_000);
    await hungUp.promise;
    expect(pass.failure()).toMatchObject({ kind: 'server_error', message: expect.stringContaining(bound) as string });
    expect((await post()).status).toBe(402);
    expect(upstream.seen).toHaveLength(1);
  });

  test('that is not streamed is cut off as well', async () => {
    upstream.answerWith((response) => {
      response.on('error', () => undefined);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"content":"${'x'.repeat(33_000_000)}"}`);
    });
    await readBroken(await post({ stream: false }));
    expect((await post()).status).toBe(402);
  });
});
