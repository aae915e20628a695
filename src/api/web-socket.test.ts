import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { NewEvent } from '../core/events.ts';
import { appendEvents } from '../run/log/append-events.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { Listening } from './listen.ts';
import { listenWithSockets } from './listening-api.fixture.ts';
import { openReader, refusal } from './socket-reader.fixture.ts';

describe.each(DATABASE_KINDS)('following runs over a WebSocket, on the %s database', (kind) => {
  let service: TestApi;
  let server: Listening;

  beforeAll(async () => {
    service = await startApi(kind);
    server = await listenWithSockets(service, { stallMs: 500 });
  });

  afterAll(async () => {
    await server.close();
    await service.close();
  });

  const address = () => `${server.url.replace('http', 'ws')}/v1/stream`;
  const open = (key = service.plainKey) =>
    openReader(new WebSocket(address(), { headers: { authorization: `Bearer ${key}` } }));
  const write = (runId: string, events: NewEvent[]) =>
    service.database.sql.transaction().execute((trx) => appendEvents(trx, { runId, attempt: 0, events }));
  const say = (runId: string, text: string) => write(runId, [{ type: 'agent.text', data: { text, blockId: '1' } }]);

  it('follows one run, many runs and all runs over one connection, and reports the end of a run', async () => {
    const reader = await open();
    const runs = [await service.submit(), await service.submit()];
    reader.send({ type: 'subscribe', id: 'first', runId: runs[0]!.id });
    reader.send({ type: 'subscribe', id: 'second', runId: runs[1]!.id, after: 1 });
    reader.send({ type: 'subscribe', id: 'all', all: true });
    const start = await reader.until(({ type, ...rest }) => type === 'subscribed' && 'id' in rest && rest.id === 'all');
    await say(runs[0]!.id, 'one');
    await say(runs[1]!.id, 'two');
    await service.request(`/v1/runs/${runs[0]!.id}/cancel`, { method: 'POST' });
    await reader.until((frame) => frame.type === 'end');
    await reader.until((frame) => frame.type === 'event' && frame.id === 'all' && frame.event.type === 'run.cancelled');
    expect(reader.of('first')).toEqual([1, 2, 3]);
    expect(reader.of('second')).toEqual([2]);
    expect(reader.frames.filter((frame) => frame.type === 'end')).toEqual([{ type: 'end', id: 'first' }]);
    const positions = reader.of('all');
    expect(positions).toHaveLength(3);
    expect(Math.min(...positions)).toBeGreaterThan((start as { cursor: number }).cursor);

    // The same events as over HTTP, and the same cursors.
    const page = await service.request(`/v1/stream?after=${positions[0]}`);
    const { data } = (await page.json()) as { data: unknown[] };
    const events = reader.frames.flatMap((frame) =>
      frame.type === 'event' && frame.id === 'all' ? [frame.event] : [],
    );
    expect(data).toEqual(events.slice(1));
    await reader.close();
    const resumed = await open();
    resumed.send({ type: 'subscribe', id: 'again', all: true, after: positions[1]! });
    await resumed.until((frame) => frame.type === 'event');
    expect(resumed.of('again')).toEqual([positions[2]]);
    await resumed.close();
  });

  it('sends no more events after unsubscribe, and lets the name be used again', async () => {
    const reader = await open();
    const run = await service.submit();
    reader.send({ type: 'subscribe', id: 'a', runId: run.id });
    await reader.until((frame) => frame.type === 'event');
    reader.send({ type: 'unsubscribe', id: 'a' });
    await reader.until((frame) => frame.type === 'end');
    await say(run.id, 'unseen');
    reader.send({ type: 'subscribe', id: 'a', runId: run.id, after: 2 });
    await say(run.id, 'seen');
    await reader.until((frame) => frame.type === 'event' && frame.cursor === 3);
    expect(reader.of('a')).toEqual([1, 3]);
    await reader.close();
  });

  it('responds to an invalid message with an error, and continues with the others', async () => {
    const reader = await open();
    const run = await service.submit();
    reader.send({ type: 'subscribe', id: 'good', runId: run.id });
    await reader.until((frame) => frame.type === 'event');
    const wrong: [unknown, string | null, string][] = [
      ['{', null, 'invalid_json'],
      ['null', null, 'invalid_request'],
      ['[]', null, 'invalid_request'],
      [{ type: 'dance' }, null, 'invalid_request'],
      [{ type: 'subscribe', id: 'x' }, 'x', 'invalid_request'],
      [{ type: 'subscribe', id: 'x', runId: run.id, all: true }, 'x', 'invalid_request'],
      [{ type: 'subscribe', id: 'x', runId: 'none' }, 'x', 'invalid_request'],
      [{ type: 'subscribe', id: 'x', all: true, after: -1 }, 'x', 'invalid_request'],
      [{ type: 'subscribe', id: 'x', all: true, more: 1 }, 'x', 'invalid_request'],
      [{ type: 'subscribe', id: '', all: true }, '', 'invalid_request'],
      [{ type: 'subscribe', id: 'good', all: true }, 'good', 'invalid_request'],
      [{ type: 'unsubscribe', id: 'unknown' }, 'unknown', 'invalid_request'],
      [{ type: 'subscribe', id: 'x', runId: '01900000-0000-7000-8000-000000000000' }, 'x', 'run_not_found'],
      ['{"type":"subscribe","id":"x","__proto__":{"all":true}}', 'x', 'invalid_request'],
    ];
    for (const [message] of wrong) reader.send(message);
    reader.send({ type: 'ping' });
    await reader.until((frame) => frame.type === 'pong');
    const errors = reader.frames.flatMap((frame) => (frame.type === 'error' ? [[frame.id, frame.problem.code]] : []));
    expect(errors).toEqual(wrong.map(([, id, code]) => [id, code]));
    await say(run.id, 'still there');
    await reader.until((frame) => frame.type === 'event' && frame.cursor === 2);
    await reader.close();
  });

  it('accepts 100 subscriptions, and no message above 16 KB', async () => {
    const reader = await open();
    const run = await service.submit();
    for (let index = 0; index <= 100; index++) reader.send({ type: 'subscribe', id: `s${index}`, runId: run.id });
    await reader.until((frame) => frame.type === 'error');
    expect(reader.frames.find((frame) => frame.type === 'error')).toMatchObject({
      id: 's100',
      problem: { code: 'conflict' },
    });
    reader.send('x'.repeat(20_000));
    expect((await reader.closed)[0]).toBe(1_009);
  });

  it('sends a token the events its user may see, by sub-protocol and by URL, and never accepts a key there', async () => {
    const response = await service.post('/v1/tokens', { user: 'tom' });
    const { token } = (await response.json()) as { token: string };
    const other = await service.submit({ user: 'somebody' });
    const ways = [
      new WebSocket(address(), ['longhaul', `longhaul.token.${token}`]),
      new WebSocket(address(), [`longhaul.token.${token}`]),
      new WebSocket(`${address()}?token=${token}`),
    ];
    const readers = await Promise.all(ways.map((way) => openReader(way)));
    expect(ways.map(({ protocol }) => protocol)).toEqual(['longhaul', `longhaul.token.${token}`, '']);
    for (const reader of readers) {
      reader.send({ type: 'subscribe', id: 'all', all: true });
      reader.send({ type: 'subscribe', id: 'other', runId: other.id });
      await reader.until((frame) => frame.type === 'error');
    }
    for (const reader of readers) await reader.until((frame) => frame.type === 'subscribed');
    await service.submit({ user: 'somebody' });
    const own = await service.submit({ user: 'tom' });
    for (const reader of readers) {
      const frame = await reader.until(({ type }) => type === 'event');
      expect(frame).toMatchObject({ event: { runId: own.id } });
      await reader.close();
    }
    expect(await refusal(new WebSocket(address(), [`longhaul.token.${service.plainKey}`]))).toBe(401);
    expect(await refusal(new WebSocket(`${address()}?token=${service.plainKey}`))).toBe(401);
    expect(await refusal(new WebSocket(address()))).toBe(401);
  });

  it('exists only at its path, and only for pages that may call the API', async () => {
    const headers = { authorization: `Bearer ${service.plainKey}` };
    expect(await refusal(new WebSocket(`${server.url}/v1/runs`, { headers }))).toBe(400);
    expect(await refusal(new WebSocket(`${server.url}/nothing`, { headers }))).toBe(404);
    expect(await refusal(new WebSocket(address(), { headers, origin: 'https://evil.example' }))).toBe(403);
    const sameOrigin = await openReader(new WebSocket(address(), { headers, origin: server.url }));
    await sameOrigin.close();
  });

  it('ends when the key is revoked', async () => {
    const key = await service.makeKey();
    const reader = await open(key);
    const { data } = (await (await service.request('/v1/keys')).json()) as {
      data: { id: string; createdAt: string }[];
    };
    const made = data.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt)).at(-1)!;
    await service.request(`/v1/keys/${made.id}`, { method: 'DELETE' });
    expect((await reader.closed)[0]).toBe(1_008);
    expect(await refusal(new WebSocket(address(), { headers: { authorization: `Bearer ${key}` } }))).toBe(401);
  });

  it('drops a client that stops reading', async () => {
    const run = await service.submit();
    const batch = Array.from({ length: 100 }, (): NewEvent => ({
      type: 'agent.text',
      data: { text: 'x'.repeat(7_000), blockId: '1' },
    }));
    for (let index = 0; index < 30; index++) await write(run.id, batch);
    const port = Number(new URL(server.url).port);
    const socket = connect(port, '127.0.0.1');
    const handshake = [
      'GET /v1/stream HTTP/1.1',
      `host: 127.0.0.1:${port}`,
      'connection: upgrade',
      'upgrade: websocket',
    ];
    handshake.push('sec-websocket-version: 13', 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==');
    socket.write(`${handshake.join('\r\n')}\r\nauthorization: Bearer ${service.plainKey}\r\n\r\n`);
    await once(socket, 'readable');
    expect(String(socket.read())).toContain('101 Switching Protocols');
    socket.pause();
    socket.on('error', () => {});
    const message = Buffer.from(JSON.stringify({ type: 'subscribe', id: 'a', runId: run.id }));
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | message.length, 0, 0, 0, 0]), message]));
    // The client sends pongs but does not read. Once the server has closed the connection, a pong causes a reset.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const knock = setInterval(() => socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0])), 200);
    await closed;
    clearInterval(knock);
  });

  it('asks its clients to reconnect when the server stops', async () => {
    const stopping = await listenWithSockets(service);
    const headers = { authorization: `Bearer ${service.plainKey}` };
    const reader = await openReader(new WebSocket(`${stopping.url}/v1/stream`, { headers }));
    reader.send({ type: 'subscribe', id: 'all', all: true });
    await reader.until((frame) => frame.type === 'subscribed');
    await stopping.close();
    expect((await reader.closed)[0]).toBe(1_001);
    expect(reader.frames.some((frame) => frame.type === 'end')).toBe(false);
  });
});
