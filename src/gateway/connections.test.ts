import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answer, MODEL } from './gateway.fixture.ts';
import { createGateway, type Gateway } from './gateway.ts';
import { startUpstream, type TestUpstream } from './upstream.fixture.ts';

const LIMITS = { perLane: 3, unknown: 5 };

describe('connections to a gateway', () => {
  let upstream: TestUpstream;
  let gateway: Gateway;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    upstream = await startUpstream();
    upstream.answerWith((response) => answer(response));
    gateway = await createGateway({
      providers: new Map([['default', { upstream: { baseUrl: upstream.url, headers: {} } }]]),
      silenceMs: 10_000,
      connectionLimits: LIMITS,
    });
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await gateway.close();
    await upstream.close();
  });

  const open = async () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  };
  /** Sends a request over the wire; resolves with the head of its answer. */
  const ask = async (socket: Socket, token: string) => {
    const answered = once(socket, 'data');
    socket.write(
      `POST /v1/messages/count_tokens HTTP/1.1\r\nhost: x\r\nx-api-key: ${token}\r\ncontent-length: 2\r\n\r\n{}`,
    );
    const [chunk] = (await answered) as [Buffer];
    return chunk.toString('utf8').split('\r\n\r\n')[0] ?? '';
  };
  const call = (token: string) =>
    fetch(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': token },
      body: JSON.stringify({ model: MODEL, max_tokens: 10, messages: [] }),
    });
  const isOpen = (socket: Socket) => !socket.closed && !socket.readableEnded;

  it('without a request are limited, the oldest ends first, and a call still succeeds during a flood of them', async () => {
    const pass = gateway.openLane().open({ attemptId: 'attempt-1' });
    const flood = await Promise.all(Array.from({ length: 200 }, open));
    expect((await call(pass.token)).status).toBe(200);
    await expect.poll(() => flood.filter(isOpen).length).toBeLessThanOrEqual(LIMITS.unknown);
    expect((await call(pass.token)).status).toBe(200);
  });

  it('of one attempt are limited, rejected in a way that is retried, and leave other attempts theirs', async () => {
    const greedy = gateway.openLane().open({ attemptId: 'attempt-1' });
    const other = gateway.openLane().open({ attemptId: 'attempt-2' });
    for (let count = 0; count < LIMITS.perLane; count++) {
      expect(await ask(await open(), greedy.token)).toMatch(/^HTTP\/1\.1 200 /);
    }
    const refused = await open();
    const head = await ask(refused, greedy.token);
    expect(head).toMatch(/^HTTP\/1\.1 429 /);
    expect(head).toMatch(/connection: close/i);
    await expect.poll(() => isOpen(refused)).toBe(false);
    expect((await call(other.token)).status).toBe(200);
    // Its connections may be used again, and a connection that it gives up makes room for another.
    expect(await ask(sockets[0]!, greedy.token)).toMatch(/^HTTP\/1\.1 200 /);
    sockets[0]!.destroy();
    await expect.poll(async () => (await ask(await open(), greedy.token)).slice(9, 12)).toBe('200');
  });

  it('end with the token they came with', async () => {
    const lane = gateway.openLane();
    const socket = await open();
    expect(await ask(socket, lane.token)).toMatch(/^HTTP\/1\.1 402 /);
    expect(isOpen(socket)).toBe(true);
    lane.close();
    await expect.poll(() => isOpen(socket)).toBe(false);
  });

  it('with an unknown token end with the refusal', async () => {
    const socket = await open();
    expect(await ask(socket, 'lh_att_made_up')).toMatch(/^HTTP\/1\.1 402 [^]*connection: close/i);
    await expect.poll(() => isOpen(socket)).toBe(false);
  });
});
