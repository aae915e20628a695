import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createGateway, type Gateway, type GatewayPass, type GatewayProvider } from './gateway.ts';
import type { Metered } from './metered.ts';
import { MAX_BODY_VALUES } from './request-body.ts';
import { toUpstream } from './upstream.ts';
import { startUpstream, WHOLE_STREAM_MICROS, wholeStream, type TestUpstream } from './upstream.fixture.ts';

const PROVIDER_KEY = 'sk-the-real-provider-key';

let upstream: TestUpstream;
let gateway: Gateway;
let pass: GatewayPass;
let metered: Metered[];

beforeEach(async () => {
  upstream = await startUpstream();
  metered = [];
  gateway = await createGateway({
    providers: new Map([['default', { upstream: { baseUrl: upstream.url, headers: { 'x-api-key': PROVIDER_KEY } } }]]),
    silenceMs: 10_000,
  });
  pass = gateway.openLane().open({ attemptId: 'attempt-1', onMeter: (meter) => metered.push(meter) });
});

afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

const call = { model: 'claude-sonnet-4-5', max_tokens: 100, messages: [], stream: true };

function post(path = '/v1/messages', { headers = {}, body = call }: { headers?: object; body?: unknown } = {}) {
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'x-api-key': pass.token, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

function answerWithStream(): void {
  upstream.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': 'req_1' });
    response.end(wholeStream);
  });
}

describe('forwarded requests', () => {
  test('a request is forwarded byte for byte, with the provider’s credentials and without the token', async () => {
    const body = `{ "model":"claude-sonnet-4-5", "messages":[{"role":"user","content":"Grüße 🚀"}] }`;
    const headers = { 'anthropic-beta': 'a,b', 'anthropic-version': '2023-06-01', 'user-agent': 'claude-cli/2' };
    await post('/v1/messages?beta=true', { body, headers });

    const seen = upstream.seen[0];
    expect(seen?.url).toBe('/v1/messages?beta=true');
    expect(seen?.body.toString()).toBe(body);
    expect(seen?.headers).toMatchObject({ ...headers, 'x-api-key': PROVIDER_KEY, 'accept-encoding': 'identity' });
    expect(seen?.headers.authorization).toBeUndefined();
    expect(JSON.stringify(seen?.headers)).not.toContain(pass.token);
    expect(seen?.headers.host).toBe(new URL(upstream.url).host);
  });

  test('an answer is returned byte for byte with its status and headers, each chunk when it is sent', async () => {
    const sendRest = Promise.withResolvers<void>();
    const bytes = Buffer.from(wholeStream);
    const cut = bytes.indexOf('🚀') + 2;
    upstream.answerWith(async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': 'req_1' });
      response.write(bytes.subarray(0, cut));
      await sendRest.promise;
      response.end(bytes.subarray(cut));
    });
    const response = await post();
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? [])).toEqual(bytes.subarray(0, cut));
    sendRest.resolve();
    const second = await reader?.read();
    expect(Buffer.from(second?.value ?? [])).toEqual(bytes.subarray(cut));
    expect((await reader?.read())?.done).toBe(true);
    expect(response.headers.get('request-id')).toBe('req_1');
  });

  test('a base URL may have its own path, and a token is sent as bearer', async () => {
    const provider = { kind: 'anthropic', baseUrl: `${upstream.url}/proxy/`, apiKey: null, authToken: 'tok' } as const;
    const prefixed = await createGateway({
      providers: new Map([
        ['default', { upstream: toUpstream({ ...provider, models: {}, headers: {}, proxy: null }) }],
      ]),
      silenceMs: 10_000,
    });
    const { token } = prefixed.openLane().open({ attemptId: 'a' });
    const headers = { authorization: `Bearer ${token}` };
    await fetch(`${prefixed.url}/v1/messages`, { method: 'POST', headers, body: '{}' });
    await prefixed.close();
    expect(upstream.seen[0]?.url).toBe('/proxy/v1/messages');
    expect(upstream.seen[0]?.headers.authorization).toBe('Bearer tok');
    expect(upstream.seen[0]?.headers['x-api-key']).toBeUndefined();
  });

  test('a large request passes whole, and a request beyond 64 MB is rejected', async () => {
    const content = 'x'.repeat(20 * 1024 * 1024);
    expect((await post('/v1/messages', { body: { ...call, content } })).status).toBe(200);
    expect(upstream.seen[0]?.body.length).toBeGreaterThan(content.length);
    const tooLarge = httpRequest(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': pass.token, 'content-length': 65 * 1024 * 1024 },
    });
    tooLarge.on('error', () => undefined);
    tooLarge.flushHeaders();
    const [response] = (await once(tooLarge, 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(413);
    tooLarge.destroy();
  });

  test('a request of very many values is rejected before it is parsed', async () => {
    const tools = Array.from({ length: MAX_BODY_VALUES + 1 }, () => []);
    expect((await post('/v1/messages', { body: { ...call, tools } })).status).toBe(413);
    expect(upstream.seen).toEqual([]);
  });

  test.each([
    ['{"model":"claude-haiku-4-5","model":"claude-opus-4-1","max_tokens":1}'],
    ['{"model":"claude-haiku-4-5","max_tokens":1,"thinking":{"budget_tokens":1024,"budget_tokens":31999}}'],
  ])('a request that names a member twice is rejected, since either value may count: %s', async (body) => {
    const response = await fetch(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': pass.token },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect(upstream.seen).toEqual([]);
    expect(pass.failure()).toBeNull();
  });

  test('a slow reader slows the provider down instead of filling the worker’s memory', async () => {
    const chunk = Buffer.alloc(64 * 1024);
    const limit = 64 * 1024 * 1024;
    const blocked = Promise.withResolvers<void>();
    let sent = 0;
    upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setTimeout(blocked.resolve, 500);
      const pump = (): void => {
        timer.refresh();
        for (let isTaken = true; isTaken && sent < limit; sent += chunk.length) isTaken = response.write(chunk);
      };
      response.on('drain', pump);
      pump();
    });
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    socket.pause();
    socket.write(`POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${pass.token}\r\ncontent-length: 2\r\n\r\n{}`);
    await blocked.promise;
    expect(sent).toBeLessThan(limit / 2);
    socket.destroy();
  });
});

describe('rejected requests', () => {
  test.each([
    ['GET', '/v1/messages'],
    ['POST', '/v1/files'],
    ['POST', '/v1/messages/batches'],
    ['POST', '/v1/messages/'],
    ['POST', '//v1/messages'],
    ['POST', '/v1/messages/../files'],
    ['POST', '/v1/messages%2f..%2ffiles'],
    ['POST', 'http://elsewhere.invalid/v1/messages'],
    ['POST', '/v1/organizations/api_keys?x=/v1/messages'],
    ['DELETE', '/v1/messages'],
  ])('%s %s is not found', async (method, path) => {
    const { hostname, port } = new URL(gateway.url);
    const request = httpRequest({ hostname, port, method, path, headers: { 'x-api-key': pass.token } }).end();
    const [response] = (await once(request, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(404);
    expect(upstream.seen).toEqual([]);
  });

  test.each([[''], ['lh_att_guess'], [PROVIDER_KEY]])('the token %j is answered with 402', async (token) => {
    const response = await post('/v1/messages', { headers: { 'x-api-key': token } });
    expect(response.status).toBe(402);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'billing_error' } });
    expect(upstream.seen).toEqual([]);
  });

  test('a token is 256 random bits and good for its own attempt until that ends', async () => {
    const other = gateway.openLane().open({ attemptId: 'attempt-2' });
    expect(other.token).not.toBe(pass.token);
    expect(Buffer.from(pass.token.replace('lh_att_', ''), 'base64url')).toHaveLength(32);
    pass.close();
    expect((await post()).status).toBe(402);
    expect((await post('/v1/messages', { headers: { 'x-api-key': other.token } })).status).toBe(200);
  });

  test.each([['not json'], ['[]'], ['null'], ['']])('the body %j is rejected', async (body) => {
    expect((await post('/v1/messages', { body })).status).toBe(400);
    expect(upstream.seen).toEqual([]);
  });

  test('nothing more is sent for an attempt whose meter has reached its ceiling', async () => {
    answerWithStream();
    pass = gateway.openLane().open({ attemptId: 'attempt-2', ceilingMicros: WHOLE_STREAM_MICROS });
    expect((await (await post()).text()).length).toBeGreaterThan(0);
    const response = await post();
    expect(response.status).toBe(402);
    expect(pass.failure()).toMatchObject({ kind: 'refused', code: 'max_budget' });
    expect(upstream.seen).toHaveLength(1);
  });
});

describe('the meter', () => {
  test('counts tokens and cost by the model that answered, and reports twice for a streamed answer', async () => {
    answerWithStream();
    await (await post()).text();
    const usage = { inputTokens: 1_000, outputTokens: 500, cacheReadTokens: 10_000, cacheCreationTokens: 3_000 };
    const sums = {
      costMicros: WHOLE_STREAM_MICROS,
      ownCostMicros: WHOLE_STREAM_MICROS,
      cacheCreation1hTokens: 2_000,
      thinkingTokens: null,
      webSearches: 2,
    };
    expect(pass.meter()).toEqual({
      ...sums,
      requestCount: 1,
      models: {
        'claude-sonnet-4-5-20250929': {
          ...usage,
          ...sums,
          isEstimated: false,
          requestedModels: ['claude-sonnet-4-5'],
          isPriceSet: false,
        },
      },
      usage,
      isPriceKnown: true,
    });
    expect(metered.map((meter) => meter.usage.outputTokens)).toEqual([1, 500]);
    expect(metered.at(-1)).toEqual(pass.meter());
  });

  test('adds up parallel answers, of several models, streamed or not', async () => {
    upstream.answerWith((response, { body }) => {
      const { model } = JSON.parse(body.toString()) as { model: string };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ model, usage: { input_tokens: 100, output_tokens: 10 } }));
    });
    const models = ['claude-opus-4-8', 'claude-opus-4-8', 'home-made'];
    const answers = await Promise.all(models.map((model) => post('/v1/messages', { body: { ...call, model } })));
    await Promise.all(answers.map((answer) => answer.text()));
    const meter = pass.meter();
    expect(meter.requestCount).toBe(3);
    expect(meter.models['claude-opus-4-8']).toMatchObject({ inputTokens: 200, outputTokens: 20, costMicros: 1_500 });
    expect(meter.models['claude-opus-4-8']).toMatchObject({ ownCostMicros: 1_500 });
    expect(meter.models['home-made']).toMatchObject({ costMicros: 600, ownCostMicros: null });
    expect(meter).toMatchObject({ costMicros: 2_100, ownCostMicros: null, isPriceKnown: false });
  });

  test('a model may have any name', async () => {
    upstream.answerWith((response, { body }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const { model } = JSON.parse(body.toString()) as { model: string };
      response.end(JSON.stringify({ model, usage: { input_tokens: 100, output_tokens: 10 } }));
    });
    for (const model of ['constructor', '__proto__']) {
      await (await post('/v1/messages', { body: { ...call, model } })).text();
      await (await post('/v1/messages', { body: { ...call, model } })).text();
      expect(Object.entries(pass.meter().models)).toContainEqual([
        model,
        expect.objectContaining({ inputTokens: 200, outputTokens: 20, costMicros: 1_200 }),
      ]);
    }
    expect(pass.meter()).toMatchObject({ costMicros: 2_400, isPriceKnown: false });
  });

  test('prefers the given prices to any list', async () => {
    const priced = await createGateway({
      providers: new Map([['default', { upstream: { baseUrl: upstream.url, headers: {} } }]]),
      silenceMs: 10_000,
      prices: { 'home-made': { inputUsdPerMTok: 10, outputUsdPerMTok: 100 } },
    });
    upstream.answerWith((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ model: 'home-made', usage: { input_tokens: 100, output_tokens: 10 } }));
    });
    const { token, meter } = priced.openLane().open({ attemptId: 'a' });
    const headers = { 'x-api-key': token };
    await (await fetch(`${priced.url}/v1/messages`, { method: 'POST', headers, body: JSON.stringify(call) })).text();
    await priced.close();
    expect(meter()).toMatchObject({ costMicros: 2_000, ownCostMicros: 2_000, isPriceKnown: true });
  });

  test('prefers the prices of the provider to the common prices', async () => {
    const at = (usd: number) => ({ inputUsdPerMTok: usd, outputUsdPerMTok: usd });
    const shared = { upstream: { baseUrl: upstream.url, headers: {} } };
    const priced = await createGateway({
      providers: new Map<string, GatewayProvider>([
        ['default', shared],
        ['regional', { ...shared, prices: { 'claude-sonnet-4-5': at(40) } }],
      ]),
      silenceMs: 10_000,
      prices: { 'claude-sonnet-4-5-20250929': at(10), 'home-made': at(20) },
    });
    upstream.answerWith((response, { body }) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const { model } = JSON.parse(body.toString()) as { model: string };
      response.end(JSON.stringify({ model, usage: { input_tokens: 100, output_tokens: 0 } }));
    });
    const costs = [];
    for (const provider of ['default', 'regional']) {
      for (const model of ['claude-sonnet-4-5-20250929', 'home-made']) {
        const pass = priced.openLane().open({ attemptId: `${provider} ${model}`, provider });
        const body = JSON.stringify({ ...call, model });
        const headers = { 'x-api-key': pass.token };
        await (await fetch(`${priced.url}/v1/messages`, { method: 'POST', headers, body })).text();
        costs.push(pass.meter().costMicros);
      }
    }
    await priced.close();
    expect(costs).toEqual([1_000, 2_000, 4_000, 2_000]);
  });

  test('counting tokens passes and is free', async () => {
    upstream.answerWith((response) => void response.end('{"input_tokens":12}'));
    const answer = await post('/v1/messages/count_tokens');
    expect(await answer.json()).toEqual({ input_tokens: 12 });
    expect(pass.meter()).toMatchObject({ requestCount: 0, costMicros: 0 });
  });

  test('an attempt is served even if reporting its meter fails', async () => {
    answerWithStream();
    const { token } = gateway.openLane().open({
      attemptId: 'attempt-2',
      onMeter() {
        throw new Error('no database');
      },
    });
    const answer = await post('/v1/messages', { headers: { 'x-api-key': token } });
    expect(await answer.text()).toBe(wholeStream);
  });
});
