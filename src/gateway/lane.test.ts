import { afterEach, beforeEach, expect, test } from 'vitest';
import { createGateway, type Gateway } from './gateway.ts';
import { startUpstream, WHOLE_STREAM_MICROS, wholeStream, type TestUpstream } from './upstream.fixture.ts';

let upstream: TestUpstream;
let gateway: Gateway;

beforeEach(async () => {
  upstream = await startUpstream();
  upstream.answerWith((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(wholeStream);
  });
  gateway = await createGateway({
    providers: new Map([['default', { upstream: { baseUrl: upstream.url, headers: {} } }]]),
    silenceMs: 10_000,
  });
});

afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

function call(token: string): Promise<Response> {
  return fetch(`${gateway.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': token, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'claude-sonnet-4-5', max_tokens: 100, messages: [], stream: true }),
  });
}

test('a reserved token forwards nothing until an attempt is opened on it', async () => {
  const lane = gateway.openLane();
  expect((await call(lane.token)).status).toBe(402);
  const pass = lane.open({ attemptId: 'one' });
  expect(pass.token).toBe(lane.token);
  expect((await call(lane.token)).status).toBe(200);
  expect(upstream.seen).toHaveLength(1);
});

test('a token serves one attempt after another, and each is metered separately', async () => {
  const lane = gateway.openLane();
  const first = lane.open({ attemptId: 'one' });
  await (await call(lane.token)).text();
  first.close();
  expect((await call(lane.token)).status).toBe(402);
  const second = lane.open({ attemptId: 'two' });
  expect(second.meter().costMicros).toBe(0);
  await (await call(lane.token)).text();
  await (await call(lane.token)).text();
  expect(first.meter().costMicros).toBe(WHOLE_STREAM_MICROS);
  expect(second.meter().costMicros).toBe(2 * WHOLE_STREAM_MICROS);
});

test('a call that began under one attempt is cut with it, and never counted for the next', async () => {
  const isAsked = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  upstream.answerWith(async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    isAsked.resolve();
    await goOn.promise;
    response.end(wholeStream);
  });
  const lane = gateway.openLane();
  const first = lane.open({ attemptId: 'one' });
  const answer = call(lane.token).then((response) => response.text());
  const isCut = expect(answer).rejects.toThrow();
  await isAsked.promise;
  first.close();
  const second = lane.open({ attemptId: 'two' });
  goOn.resolve();
  await isCut;
  expect(second.openRequests).toBe(0);
  expect(second.meter()).toMatchObject({ requestCount: 0, costMicros: 0 });
});

test('a lane belongs to one attempt at a time', () => {
  const lane = gateway.openLane();
  const pass = lane.open({ attemptId: 'one' });
  expect(() => lane.open({ attemptId: 'two' })).toThrow('still belongs to attempt one');
  pass.close();
  lane.open({ attemptId: 'two' }).close();
  lane.close();
  expect(() => lane.open({ attemptId: 'three' })).toThrow('closed');
});

test('a closed lane ends its token and the attempt on it', async () => {
  const lane = gateway.openLane();
  lane.open({ attemptId: 'one' });
  lane.close();
  expect((await call(lane.token)).status).toBe(402);
  expect(upstream.seen).toHaveLength(0);
});

test('an attempt that its worker has lost forwards nothing more from that instant', async () => {
  let isOurs: boolean | 'unknown' = true;
  const pass = gateway.openLane().open({ attemptId: 'one', isEntitled: () => isOurs });
  expect((await call(pass.token)).status).toBe(200);
  // Retried by Claude Code, until the answer is known.
  isOurs = 'unknown';
  expect((await call(pass.token)).status).toBe(503);
  isOurs = false;
  expect((await call(pass.token)).status).toBe(402);
  expect(upstream.seen).toHaveLength(1);
  expect(pass.failure()).toBeNull();
});
