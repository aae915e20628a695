import { once } from 'node:events';
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createGateway, type Gateway, type GatewayPass } from './gateway.ts';
import { startUpstream, type TestUpstream } from './upstream.fixture.ts';

const MB = 1024 * 1024;
const call = JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 10 });

let upstream: TestUpstream;
let gateway: Gateway;
let pass: GatewayPass;
let opened: ClientRequest[];

beforeEach(async () => {
  opened = [];
  upstream = await startUpstream();
  await start();
});

async function start(options: { bodyTimeoutMs?: number } = {}): Promise<void> {
  gateway = await createGateway({
    providers: new Map([['default', { upstream: { baseUrl: upstream.url, headers: {} } }]]),
    silenceMs: 10_000,
    ...options,
  });
  pass = gateway.openLane().open({ attemptId: 'attempt-1' });
}

afterEach(async () => {
  for (const request of opened) request.destroy();
  await gateway.close();
  await upstream.close();
});

function open({ token = pass.token, headers = {} } = {}): ClientRequest {
  const request = httpRequest(`${gateway.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': token, ...headers },
  });
  request.on('error', () => undefined);
  opened.push(request);
  return request;
}

/** Announces a body, and resolves when the gateway waits for it. */
async function announce(bytes: number, token = pass.token): Promise<void> {
  const request = open({ token, headers: { 'content-length': bytes, expect: '100-continue' } });
  request.flushHeaders();
  await once(request, 'continue');
}

async function answerOf(request: ClientRequest): Promise<{ status: number | undefined; body: unknown }> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await json(response) };
}

const refusal = { status: 429, body: { type: 'error', error: { type: 'rate_limit_error' } } };

test('an attempt has at most 16 requests open, and the next one as soon as one of them ends', async () => {
  const allArrived = Promise.withResolvers<void>();
  const answers: (() => void)[] = [];
  upstream.answerWith((response) => {
    answers.push(() => response.end('{}'));
    if (answers.length === 16) allArrived.resolve();
  });
  const requests = Array.from({ length: 16 }, () => open().end(call));
  await allArrived.promise;
  // The client never sends the body: the gateway does not read a rejected request.
  const refused = open({ headers: { 'content-length': 60 * MB } });
  refused.flushHeaders();
  expect(await answerOf(refused)).toMatchObject(refusal);
  const other = gateway.openLane().open({ attemptId: 'attempt-2' });
  const passed = answerOf(open({ token: other.token }).end(call));

  const first = Promise.race(requests.map(answerOf));
  answers[0]?.();
  expect(await first).toMatchObject({ status: 200 });
  upstream.answerWith((response) => void response.end('{}'));
  expect(await answerOf(open().end(call))).toMatchObject({ status: 200 });
  answers[16]?.();
  expect(await passed).toMatchObject({ status: 200 });
  expect(pass.failure()).toBeNull();
});

test('an attempt whose open requests hold 64 MB is answered 429, and the others continue', async () => {
  await announce(64 * MB);
  expect(await answerOf(open({ headers: { 'content-length': call.length } }).end(call))).toMatchObject(refusal);
  const chunked = open();
  chunked.write(call);
  expect(await answerOf(chunked)).toMatchObject(refusal);
  const other = gateway.openLane().open({ attemptId: 'attempt-2' });
  expect(await answerOf(open({ token: other.token }).end(call))).toMatchObject({ status: 200 });
  expect(upstream.seen).toHaveLength(1);
});

test('all attempts together hold at most 256 MB, and released memory is available for the next', async () => {
  const [other, ...holders] = [2, 3, 4, 5].map((number) => gateway.openLane().open({ attemptId: `attempt-${number}` }));
  for (const { token } of holders) await announce(64 * MB, token);
  await announce(64 * MB - call.length, other?.token);
  const arrived = Promise.withResolvers<() => void>();
  upstream.answerWith((response) => arrived.resolve(() => response.end('{}')));
  const first = answerOf(open().end(call));
  const answer = await arrived.promise;
  expect(await answerOf(open().end(call))).toMatchObject(refusal);
  answer();
  expect(await first).toMatchObject({ status: 200 });
  upstream.answerWith((response) => void response.end('{}'));
  expect(await answerOf(open().end(call))).toMatchObject({ status: 200 });
});

test('a body that does not arrive in time is given up: its connection ends, and its memory is free', async () => {
  await gateway.close();
  await start({ bodyTimeoutMs: 200 });
  const slow = open({ headers: { 'content-length': 64 * MB } });
  slow.write('{');
  const trickle = setInterval(() => slow.write(' '), 20);
  const [response] = (await once(slow, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(408);
  expect(await json(response)).toMatchObject({ error: { type: 'timeout_error' } });
  clearInterval(trickle);
  if (!slow.destroyed) await once(slow, 'close');
  await expect.poll(() => pass.openRequests).toBe(0);
  expect(await answerOf(open().end(call))).toMatchObject({ status: 200 });
  expect(pass.failure()).toBeNull();
  expect(upstream.seen).toHaveLength(1);
});
