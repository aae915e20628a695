import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import type { NewEvent } from '../core/events.ts';
import { appendEvents } from '../run/log/append-events.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { EventResource, StreamPage } from './contract.ts';
import { listen } from './listen.ts';
import { openFrames } from './frames.fixture.ts';

const sse = { accept: 'text/event-stream' };

describe.each(DATABASE_KINDS)('following runs over HTTP, on the %s database', (kind) => {
  let service: TestApi;

  beforeAll(async () => {
    service = await startApi(kind);
  });

  afterAll(() => service.close());

  const write = (runId: string, events: NewEvent[]) =>
    service.database.sql.transaction().execute((trx) => appendEvents(trx, { runId, attempt: 0, events }));
  const say = (runId: string, text: string) => write(runId, [{ type: 'agent.text', data: { text, blockId: '1' } }]);
  const page = async (query: string, options?: Parameters<TestApi['request']>[1]) =>
    (await (await service.request(`/v1/stream${query}`, options)).json()) as StreamPage;

  it('sends first its start, then every event, and resumes after any of them', async () => {
    const reader = openFrames(await service.request('/v1/stream', { headers: sse }));
    const begin = await reader.next();
    expect(begin).toEqual({ retry: '1000' });
    const start = await reader.next();
    expect(start).toEqual({ id: expect.stringMatching(/^\d+$/) });
    const run = await service.submit({ user: 'ann' });
    await say(run.id, 'one');
    const frames = [await reader.next(), await reader.next()];
    expect(frames.map(({ event }) => event)).toEqual(['run.queued', 'agent.text']);
    expect(JSON.parse(frames[1]!.data!)).toMatchObject({ runId: run.id, seq: 2, data: { text: 'one' } });
    await reader.close();

    await say(run.id, 'two');
    const headers = { ...sse, 'last-event-id': frames[0]!.id! };
    const resumed = openFrames(await service.request('/v1/stream?after=0', { headers }));
    await resumed.next();
    expect(await resumed.next()).toEqual({ id: frames[0]!.id });
    expect(await resumed.next()).toEqual(frames[1]);
    expect(JSON.parse((await resumed.next()).data!)).toMatchObject({ data: { text: 'two' } });
    await resumed.close();
    const fromStart = openFrames(await service.request(`/v1/stream?after=${start.id}`, { headers: sse }));
    await fromStart.next();
    await fromStart.next();
    expect(await fromStart.next()).toEqual(frames[0]);
    await fromStart.close();
  });

  it('returns pages of the same events, and waits for one up to the given time', async () => {
    const now = await page('');
    expect(now.data).toEqual([]);
    const waiting = page(`?after=${now.nextCursor}&wait=30`);
    const run = await service.submit();
    expect((await waiting).data).toMatchObject([{ runId: run.id, type: 'run.queued' }]);
    await say(run.id, 'one');
    await say(run.id, 'two');
    const next = await page(`?after=${(await waiting).nextCursor}&limit=1`);
    expect(next.data).toMatchObject([{ data: { text: 'one' } }]);
    expect((await page(`?after=${next.nextCursor}`)).data).toMatchObject([{ data: { text: 'two' } }]);

    const events = `/v1/runs/${run.id}/events`;
    const log = (await (await service.request(`${events}?after=2&wait=30`)).json()) as { data: EventResource[] };
    expect(log.data).toMatchObject([{ seq: 3, data: { text: 'two' } }]);
    const late = service.request(`${events}?after=3&wait=30`);
    await say(run.id, 'three');
    expect(await (await late).json()).toMatchObject({ data: [{ seq: 4 }] });
    await service.request(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
    const ended = await service.request(`${events}?after=5&wait=60`);
    expect(await ended.json()).toEqual({ data: [], nextCursor: null });
    expect((await service.request('/v1/stream?wait=61')).status).toBe(400);
    expect((await service.request('/v1/stream?after=-1')).status).toBe(400);
  });

  it("sends only a user's events for the user's token, also with the token in the URL", async () => {
    const token = await makeToken('tom');
    const before = await page('', { key: token });
    const reader = openFrames(await service.api.request(`/v1/stream?token=${token}`, { headers: sse }));
    await reader.next();
    await reader.next();
    const other = await service.submit({ user: 'somebody' });
    const own = await service.submit({ user: 'tom' });
    expect(JSON.parse((await reader.next()).data!)).toMatchObject({ runId: own.id });
    await reader.close();
    const seen = await page(`?after=${before.nextCursor}`, { key: token });
    expect(seen.data.map(({ runId }) => runId)).toEqual([own.id]);
    expect((await service.request(`/v1/runs/${other.id}/events`, { key: token })).status).toBe(404);
    const keyInAddress = await service.api.request(`/v1/stream?token=${service.plainKey}`, { headers: sse });
    expect(keyInAddress.status).toBe(401);
  });

  it("limits a user's browsers to fifty open streams, and allows another when one ends", async () => {
    const token = await makeToken('max');
    const run = await service.submit({ user: 'max' });
    const open = async (path: string) => service.request(path, { key: token, headers: sse });
    const ofRun = openFrames(await open(`/v1/runs/${run.id}/events`));
    const others = await Promise.all(Array.from({ length: 49 }, async () => openFrames(await open('/v1/stream'))));
    const refused = await open('/v1/stream');
    expect([refused.status, await refused.json()]).toMatchObject([429, { code: 'rate_limited' }]);
    // Both the end of the run and the disconnect of the client free a stream.
    await service.request(`/v1/runs/${run.id}/cancel`, { method: 'POST' });
    await ofRun.ended();
    const next = openFrames(await open('/v1/stream'));
    expect((await open('/v1/stream')).status).toBe(429);
    await others[0]!.close();
    others[0] = openFrames(await open('/v1/stream'));
    for (const reader of [...others, next]) await reader.close();
  });

  it('leaves no stream open after HEAD requests', async () => {
    const token = await makeToken('head');
    const run = await service.submit({ user: 'head' });
    const options = { key: token, headers: sse };
    for (let count = 0; count < 50; count++) {
      for (const path of ['/v1/stream', `/v1/runs/${run.id}/events`]) {
        const response = await service.request(path, { ...options, method: 'HEAD' });
        expect([response.status, response.body]).toEqual([200, null]);
        expect(response.headers.get('content-type')).toContain('text/event-stream');
      }
    }
    const reader = openFrames(await service.request('/v1/stream', options));
    expect(await reader.next()).toEqual({ retry: '1000' });
    await reader.close();
  });

  it('ends the streams of a revoked key and of its tokens', async () => {
    const key = await service.makeKey();
    const token = await makeToken('rita', key);
    const run = await service.submit({ user: 'rita' });
    const paths = ['/v1/stream', `/v1/runs/${run.id}/events`];
    const readers = await Promise.all(
      [key, token].flatMap((credential) =>
        paths.map(async (path) => openFrames(await service.request(path, { key: credential, headers: sse }))),
      ),
    );
    const { data } = (await (await service.request('/v1/keys')).json()) as {
      data: { id: string; createdAt: string }[];
    };
    const made = data.toSorted((a, b) => a.createdAt.localeCompare(b.createdAt)).at(-1)!;
    expect((await service.request(`/v1/keys/${made.id}`, { method: 'DELETE' })).ok).toBe(true);
    for (const reader of readers) await reader.ended();
    expect((await service.request('/v1/stream', { key, headers: sse })).status).toBe(401);
  });

  it('drops a client that stops reading, with little memory used, and lets it resume', async () => {
    const run = await service.submit({ user: 'slow' });
    const dropped = Promise.withResolvers<void>();
    const server = await listen({
      fetch(request: Request, env?: { outgoing: ServerResponse }) {
        env?.outgoing.once('close', () => dropped.resolve());
        return service.api.fetch(request, env);
      },
      host: '127.0.0.1',
      port: 0,
      limits: { streamStallMs: 500 },
    });
    const text = 'x'.repeat(7_000);
    const batch = Array.from({ length: 100 }, (): NewEvent => ({ type: 'agent.text', data: { text, blockId: '1' } }));
    // 28 MB: more than the buffers of two sockets hold.
    for (let index = 0; index < 40; index++) await write(run.id, batch);
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(
      `GET /v1/runs/${run.id}/events HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nauthorization: Bearer ${service.plainKey}\r\n\r\n`,
    );
    await once(socket, 'readable');
    // The client stops reading: the server writes until the buffers are full, then stops.
    const closed = once(socket, 'close');
    socket.on('error', () => {});
    await dropped.promise;
    let received = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
    await closed;
    const ids = [...received.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
    expect(ids.length).toBeLessThan(3_000);
    const rest = openFrames(
      await service.request(`/v1/runs/${run.id}/events`, { headers: { ...sse, 'last-event-id': String(ids.at(-1)) } }),
    );
    await rest.next();
    expect((await rest.next()).id).toBe(String(ids.at(-1)! + 1));
    await rest.close();
    await server.close();
  });

  async function makeToken(user: string, key?: string): Promise<string> {
    const response = await service.request('/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user }),
      ...(key !== undefined && { key }),
    });
    expect(response.ok).toBe(true);
    return ((await response.json()) as { token: string }).token;
  }
});
