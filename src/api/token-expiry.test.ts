import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { appendEvents } from '../run/log/append-events.ts';
import { startApi, type TestApi } from './api.fixture.ts';
import type { Problem, TokenResource } from './contract.ts';
import { openFrames } from './frames.fixture.ts';
import type { Listening } from './listen.ts';
import { listenWithSockets } from './listening-api.fixture.ts';
import { openReader, refusal } from './socket-reader.fixture.ts';

/** Milliseconds that a busy machine may be late. */
const LATE_MS = 2_000;
/** Life of a token, in seconds: long enough to follow and to receive one event on a busy machine. */
const SHORT = 6;

describe.each(DATABASE_KINDS)('a token that expires while a stream is open, on the %s database', (kind) => {
  let service: TestApi;
  let server: Listening;

  beforeAll(async () => {
    service = await startApi(kind);
    server = await listenWithSockets(service);
  });
  afterAll(async () => {
    await server.close();
    await service.close();
  });

  const issue = async (user: string, expiresInSeconds: number) =>
    (await (await service.post('/v1/tokens', { user, expiresInSeconds })).json()) as TokenResource;
  const say = (runId: string, text: string) =>
    service.database.sql
      .transaction()
      .execute((trx) =>
        appendEvents(trx, { runId, attempt: 0, events: [{ type: 'agent.text', data: { text, blockId: '1' } }] }),
      );
  const follow = (path: string, { token }: TokenResource, lastEventId?: string) =>
    fetch(`${server.url}${path}`, {
      headers: {
        accept: 'text/event-stream',
        authorization: `Bearer ${token}`,
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      },
    });

  /** Returns the milliseconds since the token expired. */
  const sinceEnd = ({ expiresAt }: TokenResource) => Date.now() - Date.parse(expiresAt);

  // Concurrent, each with a separate user, because they only wait for the clock.
  it.concurrent.each(['one run', 'every run'])(
    'ends server-sent events of %s at once, and the next token resumes after them',
    async (what) => {
      const user = `sse ${what}`;
      const run = await service.submit({ user });
      const isOne = what === 'one run';
      const path = isOne ? `/v1/runs/${run.id}/events` : '/v1/stream';
      const token = await issue(user, SHORT);
      const reader = openFrames(await follow(path, token));
      await reader.next(); // The retry interval.
      if (!isOne) await reader.next(); // The start.
      await say(run.id, 'one');
      let last = await reader.next();
      while (!last.data?.includes('"one"')) last = await reader.next();
      await reader.ended();
      expect(sinceEnd(token)).toBeGreaterThan(-100);
      expect(sinceEnd(token)).toBeLessThan(LATE_MS);

      const refused = await follow(path, token, last.id);
      expect([refused.status, ((await refused.json()) as Problem).code]).toEqual([401, 'token_expired']);
      await say(run.id, 'two');
      const resumed = openFrames(await follow(path, await issue(user, 60), last.id));
      let next = await resumed.next();
      while (next.data === undefined) next = await resumed.next();
      expect(JSON.parse(next.data)).toMatchObject({ runId: run.id, seq: 3, data: { text: 'two' } });
      await resumed.close();
    },
  );

  it.concurrent('ends a WebSocket at once, with a code for the reason, and the next token resumes after it', async () => {
    const address = `${server.url.replace('http', 'ws')}/v1/stream`;
    const connect = ({ token }: TokenResource) => new WebSocket(address, ['longhaul', `longhaul.token.${token}`]);
    const user = 'web socket';
    const run = await service.submit({ user });
    const token = await issue(user, SHORT);
    const reader = await openReader(connect(token));
    reader.send({ type: 'subscribe', id: 'a', runId: run.id });
    await say(run.id, 'one');
    await reader.until((frame) => frame.type === 'event' && frame.cursor === 2);
    expect((await reader.closed)[0]).toBe(1_008);
    expect(sinceEnd(token)).toBeGreaterThan(-100);
    expect(sinceEnd(token)).toBeLessThan(LATE_MS);
    expect(reader.frames.some(({ type }) => type === 'end')).toBe(false);

    expect(await refusal(connect(token))).toBe(401);
    await say(run.id, 'two');
    const resumed = await openReader(connect(await issue(user, 60)));
    resumed.send({ type: 'subscribe', id: 'a', runId: run.id, after: 2 });
    const frame = await resumed.until(({ type }) => type === 'event');
    expect(frame).toMatchObject({ cursor: 3, event: { data: { text: 'two' } } });
    await resumed.close();
  });
});
