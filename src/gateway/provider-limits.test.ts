import { afterEach, beforeEach, expect, test } from 'vitest';
import { createGateway, type Gateway, type GatewayPass, type Governor } from './gateway.ts';
import type { ProviderLimit } from './governor.ts';
import type { StandingLimit } from './governor.ts';
import { messageStart, readBroken, sse, startUpstream, wholeStream, type TestUpstream } from './upstream.fixture.ts';

let upstream: TestUpstream;
let gateway: Gateway;
let pass: GatewayPass;
let limits: ProviderLimit[];
let answered: string[];
let standing: StandingLimit | null;

beforeEach(async () => {
  upstream = await startUpstream();
  limits = [];
  answered = [];
  standing = null;
  const governor: Governor = {
    onLimit: (limit) => limits.push(limit),
    onAnswer: (model) => answered.push(model),
    limitOf: (model) => (model === 'claude-sonnet-4-5' ? standing : null),
  };
  gateway = await createGateway({
    providers: new Map([['default', { upstream: { baseUrl: upstream.url, headers: {} }, governor }]]),
    silenceMs: 10_000,
  });
  pass = gateway.openLane().open({ attemptId: 'attempt-1' });
});

afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

function post({ path = '/v1/messages', model = 'claude-sonnet-4-5' } = {}): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'x-api-key': pass.token },
    body: JSON.stringify({ model, max_tokens: 10, stream: true }),
  });
}

function answerWith(status: number, { headers = {}, type = 'rate_limit_error', message = 'Too much.' } = {}): void {
  upstream.answerWith((response) => {
    response.writeHead(status, { 'content-type': 'application/json', 'x-should-retry': 'true', ...headers });
    response.end(JSON.stringify({ type: 'error', error: { type, message } }));
  });
}

test.each([
  [429, 'rate_limit'],
  [529, 'overloaded'],
] as const)('%i with a long wait ends the run, and is reported to the governor', async (status, kind) => {
  answerWith(status, { headers: { 'retry-after': '60' } });
  const response = await post();
  expect(response.status).toBe(402);
  expect(response.headers.get('retry-after')).toBeNull();
  expect(response.headers.get('x-should-retry')).toBeNull();
  expect(await response.json()).toEqual({ type: 'error', error: { type: 'billing_error', message: 'Too much.' } });
  const resetAt = pass.failure()?.resetAt ?? 0;
  expect(pass.failure()).toMatchObject({ kind, status, retryAfterSeconds: 60 });
  expect(Math.abs(resetAt - Date.now() - 60_000)).toBeLessThan(2_000);
  expect(limits).toEqual([{ model: 'claude-sonnet-4-5', kind, resetAt, message: 'Too much.', isAccountWide: false }]);
  expect(answered).toEqual([]);
});

test.each([
  [429, { 'retry-after': '5' }],
  [429, {}],
  [529, {}],
])('%i with %j passes, for Claude Code to wait itself', async (status, headers) => {
  answerWith(status, { headers });
  const response = await post();
  expect(response.status).toBe(status);
  expect(response.headers.get('x-should-retry')).toBe('true');
  expect(limits).toHaveLength(1);
});

test('a limit on spending also ends the run, although its status is 400', async () => {
  const day = new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10);
  const message = `You have reached your specified API usage limits. You will regain access on ${day} at 00:00 UTC.`;
  answerWith(400, { type: 'invalid_request_error', message });
  expect((await post()).status).toBe(402);
  expect(pass.failure()).toMatchObject({ kind: 'rate_limit', status: 400 });
  expect(limits).toMatchObject([{ kind: 'rate_limit', resetAt: Date.parse(`${day}T00:00:00Z`), isAccountWide: true }]);
});

test('a limit within a stream is reported, and so is a good answer after it', async () => {
  upstream.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(messageStart + sse('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }));
  });
  await readBroken(await post());
  expect(limits).toMatchObject([{ kind: 'overloaded', resetAt: null, message: 'Overloaded' }]);
  upstream.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(wholeStream);
  });
  await (await post()).text();
  expect(answered).toEqual(['claude-sonnet-4-5']);
});

test('other errors, and calls that count tokens, report nothing to the governor', async () => {
  answerWith(500);
  await (await post()).text();
  answerWith(429, { headers: { 'retry-after': '60' } });
  expect((await post({ path: '/v1/messages/count_tokens' })).status).toBe(429);
  expect(limits).toEqual([]);
});

test('while a limit applies nothing is sent to its model, but other calls are', async () => {
  standing = { resetAt: Date.now() + 60_000, code: 'provider_overloaded', message: 'The model is overloaded.' };
  const response = await post();
  expect(response.status).toBe(402);
  expect(await response.json()).toMatchObject({ error: { message: 'The model is overloaded.' } });
  expect(upstream.seen).toEqual([]);
  expect(pass.meter().requestCount).toBe(0);
  expect(pass.failure()).toMatchObject({
    kind: 'refused',
    code: 'provider_overloaded',
    resetAt: standing.resetAt,
    retryAfterSeconds: 60,
  });
  expect((await post({ model: 'claude-opus-4-8' })).status).toBe(200);
  expect((await post({ path: '/v1/messages/count_tokens' })).status).toBe(200);
  standing = { ...standing, resetAt: Date.now() + 4_000 };
  expect((await post()).status).toBe(200);
});

test('a governor that throws prevents no call', async () => {
  const broken = (): never => {
    throw new Error('no database');
  };
  const other = await createGateway({
    providers: new Map([
      [
        'default',
        {
          upstream: { baseUrl: upstream.url, headers: {} },
          governor: { onLimit: broken, onAnswer: broken, limitOf: broken },
        },
      ],
    ]),
    silenceMs: 10_000,
  });
  const headers = { 'x-api-key': other.openLane().open({ attemptId: 'a' }).token };
  const response = await fetch(`${other.url}/v1/messages`, { method: 'POST', headers, body: '{}' });
  expect(await response.text()).toBe('{}');
  await other.close();
});
