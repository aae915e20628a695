import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startApi, type TestApi } from '../src/api/api.fixture.ts';
import type { Listening } from '../src/api/listen.ts';
import { listenWithSockets } from '../src/api/listening-api.fixture.ts';
import { ERRORS } from '../src/core/errors.ts';
import { hostileValue, HOSTILE_BODIES, HOSTILE_TEXTS } from './fuzz/hostile-values.ts';
import { expectNoInternals } from './fuzz/judge.ts';

const RUNS = Number(process.env['LONGHAUL_FUZZ_RUNS'] ?? 25) * 4;
const SEED = Number(process.env['LONGHAUL_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

interface Frame {
  readonly type: string;
  readonly problem?: { readonly code: string };
}

describe(`hostile bytes over HTTP and WebSockets (LONGHAUL_FUZZ_SEED=${SEED})`, () => {
  let service: TestApi;
  let server: Listening;
  let ids: string[];
  const logged: string[] = [];

  beforeAll(async () => {
    service = await startApi('embedded', {
      log: pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) }),
    });
    server = await listenWithSockets(service);
    ids = [(await service.submit({ user: 'ann' })).id, (await service.submit({ user: 'bob' })).id];
  });
  afterAll(async () => {
    await server.close();
    await service.close();
  });
  afterEach(() => expect(logged.splice(0)).toEqual([]));

  const field = fc.oneof(fc.constantFrom<unknown>(...HOSTILE_TEXTS), hostileValue);
  const message = () =>
    fc.oneof(
      fc
        .record(
          {
            type: fc.oneof(fc.constantFrom<unknown>('subscribe', 'unsubscribe', 'ping'), field),
            id: fc.oneof(fc.constantFrom<unknown>('a', 'b'), field),
            runId: fc.oneof(fc.constantFrom<unknown>(...ids), field),
            all: fc.constantFrom<unknown>(true, false, 1),
            after: fc.oneof(fc.constantFrom<unknown>(0, 1, -1, 2 ** 31, 2 ** 53, 1e300), field),
            constructor: field,
          },
          { requiredKeys: [] },
        )
        .map((value) => JSON.stringify(value)),
      fc.constantFrom(...HOSTILE_BODIES),
      fc.uint8Array({ maxLength: 100 }),
    );

  it("as messages, get an answer in Longhaul's words, or end only their own connection", async () => {
    const key = await service.makeKey({ user: 'ann' });
    const headers = { authorization: `Bearer ${key}` };
    const property = fc.asyncProperty(fc.array(message(), { minLength: 1, maxLength: 8 }), async (messages) => {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/stream`, { headers });
      const frames: Frame[] = [];
      const ponged = Promise.withResolvers<void>();
      const closed = once(socket, 'close') as Promise<[number, Buffer]>;
      socket.on('error', () => undefined);
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        const frame = JSON.parse(text) as Frame;
        frames.push(frame);
        if (frame.type === 'error') expectNoInternals(text);
        if (frame.type === 'error' && text.includes(LAST)) ponged.resolve();
      });
      await once(socket, 'open');
      for (const one of messages) socket.send(one);
      // The answer to the last message follows all earlier answers.
      socket.send(JSON.stringify({ type: 'unsubscribe', id: LAST }));
      const code = await Promise.race([ponged.promise.then(() => null), closed.then(([code]) => code)]);
      // A message that is too long, or is not text.
      if (code !== null) expect([1_007, 1_009]).toContain(code);
      for (const { type, problem } of frames) {
        expect(['subscribed', 'event', 'end', 'error', 'pong']).toContain(type);
        if (type === 'error') expect(Object.keys(ERRORS)).toContain(problem?.code);
        expect(problem?.code).not.toBe('unavailable');
      }
      expect(JSON.stringify(frames)).not.toContain(`"runId":"${ids[1]}"`);
      socket.terminate();
      await closed;
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
  }, 600_000);

  it('as invalid frames, end only their own connection', async () => {
    const authorization = `Bearer ${await service.makeKey({ user: 'ann' })}`;
    const beside = new WebSocket(`${server.url.replace('http', 'ws')}/v1/stream`, { headers: { authorization } });
    await once(beside, 'open');
    const property = fc.asyncProperty(fc.array(rawFrame, { minLength: 1, maxLength: 5 }), async (frames) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      const closed = once(socket, 'close');
      socket.on('error', () => undefined);
      let received = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
      socket.write([...HANDSHAKE, `authorization: ${authorization}`, '', ''].join('\r\n'));
      await once(socket, 'data');
      socket.end(Buffer.concat(frames));
      await closed;
      expect(received).toMatch(/^HTTP\/1.1 101 /);
      expectNoInternals(received);
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
    beside.send(JSON.stringify({ type: 'ping' }));
    expect(String((await once(beside, 'message'))[0])).toBe('{"type":"pong"}');
    beside.terminate();
    await once(beside, 'close');
  }, 600_000);

  it("as broken HTTP, are rejected in Longhaul's words, or not answered at all", async () => {
    const property = fc.asyncProperty(rawRequest, async (request) => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      const closed = once(socket, 'close');
      socket.on('error', () => undefined);
      let received = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
      socket.end(request, 'latin1');
      await closed;
      for (const [, status] of received.matchAll(/^HTTP\/1\.1 (\d+)/gm))
        expect(Number(status), received).toBeLessThan(500);
      expectNoInternals(received);
    });
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
    expect((await fetch(`${server.url}/livez`)).status).toBe(200);
  }, 600_000);
});

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array).toString('latin1'));

/** Returns bytes that are almost HTTP, or not at all, as latin1. */
const rawRequest = fc
  .record({
    method: fc.oneof(fc.constantFrom('GET', 'POST', 'PRI', 'get', 'CONNECT', 'TRACE', ''), bytes),
    target: fc.oneof(
      fc.constantFrom('/v1/runs', '/v1/runs/\xff\xc0\x80', '*', '//', 'http://other/v1/runs', 'http://[', '/../..', ''),
      fc.constant(`/${'x'.repeat(20_000)}`),
      bytes,
    ),
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
    headers: fc.array(
      fc.oneof(
        fc.constantFrom(
          'host: x',
          'host: y',
          'host: [',
          'content-length: 5',
          'content-length: 6',
          'content-length: -1',
          'transfer-encoding: chunked',
          'transfer-encoding: x',
          'content-type: application/json',
          'connection: upgrade',
          'upgrade: websocket',
          'upgrade: h2c',
          'expect: 100-continue',
          ' folded',
          'authorization: Bearer \xff',
        ),
        bytes,
      ),
      { maxLength: 6 },
    ),
    body: fc.oneof(fc.constantFrom('', '{}', '5\r\n{"a":\r\n', 'zz\r\n', '0\r\n\r\n'), bytes),
  })
  .map(({ method, target, version, headers, body }) =>
    [`${method} ${target} ${version}`, ...headers, '', body].join('\r\n'),
  );

const HANDSHAKE = [
  'GET /v1/stream HTTP/1.1',
  'host: localhost',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
];

/** Returns a frame with any opcode, with or without a mask, of any real or claimed length (RFC 6455, 5.2). */
const rawFrame = fc
  .record({
    head: fc.oneof(fc.constantFrom(0x81, 0x01, 0x80, 0x82, 0x88, 0x89, 0x8a, 0xc1, 0x83, 0x0f), fc.nat(255)),
    isMasked: fc.boolean(),
    length: fc.oneof(fc.nat(30), fc.constantFrom(125, 126, 127)),
    rest: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(new Uint8Array(20).fill(0xff))),
  })
  .map(({ head, isMasked, length, rest }) => Buffer.from([head, (isMasked ? 0x80 : 0) | length, ...rest]));

const LAST = 'the last of them';
