import { once } from 'node:events';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startApi, type TestApi } from '../src/api/api.fixture.ts';
import { listen, type Listening } from '../src/api/listen.ts';
import { createWebSockets } from '../src/api/web-socket/web-sockets.ts';
import { ERRORS } from '../src/core/errors.ts';
import { hostileValue, HOSTILE_BODIES, HOSTILE_TEXTS } from './fuzz/hostile-values.ts';
import { expectNoInternals } from './fuzz/judge.ts';

const RUNS = Number(process.env['LONGHAUL_FUZZ_RUNS'] ?? 40) * 4;
const SEED = Number(process.env['LONGHAUL_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

interface Frame {
  readonly type: string;
  readonly problem?: { readonly code: string };
}

describe(`hostile messages over a WebSocket (LONGHAUL_FUZZ_SEED=${SEED})`, () => {
  let service: TestApi;
  let server: Listening;
  let ids: string[];
  const logged: string[] = [];

  beforeAll(async () => {
    service = await startApi('embedded', {
      log: pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) }),
    });
    const sockets = createWebSockets({ fetch: service.api.fetch });
    server = await listen({
      fetch: service.api.fetch,
      host: '127.0.0.1',
      port: 0,
      sockets: { handleUpgrade: sockets.handleUpgrade, closeSockets: sockets.close },
    });
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

  it('are each answered in words of ours, or end their own connection alone', async () => {
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
      // The last of them is answered when all before it are.
      socket.send(JSON.stringify({ type: 'unsubscribe', id: LAST }));
      const code = await Promise.race([ponged.promise.then(() => null), closed.then(([code]) => code)]);
      // Too long a message, or one that is no text.
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
});

const LAST = 'the last of them';
