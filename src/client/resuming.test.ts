import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../../test/support/tcp-proxy.ts';
import { listen, type Listening } from '../api/listen.ts';
import { say } from '../testing/index.ts';
import { startTestLonghaul, type TestLonghaul } from '../testing/test-longhaul.ts';
import { createClient, textOf, type LonghaulClient, type LonghaulEvent, type StreamedEvent } from './client.ts';
import { collect } from './collect.fixture.ts';

const TEXT = 'word '.repeat(150).trim();

// A real Longhaul behind a proxy that cuts connections at random.

describe('a client whose connections break', () => {
  let kit: TestLonghaul;
  let server: Listening;
  let proxy: TcpProxy;
  let url: string;

  beforeAll(async () => {
    kit = await startTestLonghaul({
      config: { agents: { mute: { tools: [], prewarm: false } }, limits: { perUser: { runsPerMinute: 1_000 } } },
      script: () => say(TEXT, { chunks: 150, chunkDelayMs: 10 }),
    });
    server = await listen({ fetch: kit.longhaul.fetch, host: '127.0.0.1', port: 0 });
    proxy = await startTcpProxy(Number(new URL(server.url).port));
    url = `http://127.0.0.1:${proxy.port}`;
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.close();
    await kit?.stop();
  });

  const admin = () => createClient({ url, apiKey: kit.longhaul.newAdminKey! });

  /** Cuts all open connections repeatedly, until it is stopped. */
  async function cutWhile(work: Promise<unknown>): Promise<number> {
    let cuts = 0;
    let isOver = false;
    const over = work.finally(() => (isOver = true)).catch(() => {});
    while (!isOver) {
      await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 300))]);
      cuts += proxy.cut();
    }
    return cuts;
  }

  it('submits once, follows without a gap and waits, through all of it', async () => {
    const client = admin();
    const work = (async () => {
      const runs = await Promise.all([1, 2, 3].map(() => client.submit({ agent: 'mute', prompt: 'hi', user: 'ann' })));
      return Promise.all(
        runs.map(async ({ id }) => ({ events: await collect(client.stream(id)), run: await client.wait(id) })),
      );
    })();
    expect(await cutWhile(work)).toBeGreaterThan(3);
    for (const { events, run } of await work) {
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(events.at(-1)?.type).toBe('run.succeeded');
      expect(run).toMatchObject({ status: 'succeeded', result: TEXT });
      expect(textOf(events)).toBe(TEXT);
    }
    expect((await client.listRuns({ user: 'ann' })).data).toHaveLength(3);
  });

  it('receives every event of every visible run once, and no other', async () => {
    const { token } = await kit.client.createToken({ user: 'bob' });
    const bob = createClient({ url, token });
    const abort = new AbortController();
    const opened = Promise.withResolvers<number>();
    const seen: StreamedEvent[] = [];
    const reading = (async () => {
      for await (const event of bob.streamAll({ signal: abort.signal, onOpen: opened.resolve })) {
        seen.push(event);
        if (seen.filter(({ type }) => type === 'run.succeeded').length === 3) abort.abort();
      }
    })();
    await opened.promise;
    await Promise.all(
      ['bob', 'eve', 'bob', 'eve', 'bob'].map((user) => kit.client.submit({ agent: 'mute', prompt: 'hi', user })),
    );
    await cutWhile(reading);
    await reading;
    const logs = await Promise.all((await bob.listRuns()).data.map(({ id }) => collect(kit.client.stream(id))));
    expect(logs).toHaveLength(3);
    const bySeq = (events: readonly LonghaulEvent[]) => events.map(({ runId, seq }) => `${runId} ${seq}`);
    expect(bySeq(seen).sort()).toEqual(bySeq(logs.flat()).sort());
    const cursors = seen.map(({ cursor }) => cursor);
    expect(cursors).toEqual(cursors.toSorted((a, b) => a - b));
  });

  it('continues with new tokens when the old ones expire, and requests each once', async () => {
    let given = 0;
    const cat = createClient({
      url,
      token: async () => {
        given += 1;
        return (await kit.client.createToken({ user: 'cat', expiresInSeconds: 2 })).token;
      },
    });
    const runs = await Promise.all([1, 2, 3].map(() => cat.submit({ agent: 'mute', prompt: 'hi' })));
    expect(given).toBe(1);
    const [events] = await Promise.all(runs.map(({ id }) => collect(cat.stream(id))));
    expect(textOf(events!)).toBe(TEXT);
    expect(given).toBeGreaterThan(1);
  });

  it('ends a stream that begins after the last event', async () => {
    const { id } = await kit.client.submit({ agent: 'mute', prompt: 'hi' });
    const events = await collect(kit.client.stream(id));
    expect(await collect(admin().stream(id, { after: events.length }))).toEqual([]);
    expect(await collect(admin().stream(id, { after: events.length - 1 }))).toHaveLength(1);
  });

  it('stops waiting when its signal aborts', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const client: LonghaulClient = createClient({ url: `http://127.0.0.1:${port}`, apiKey: 'key' });
    const reason = new Error('enough');
    const abort = new AbortController();
    const waiting = client.wait('01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f', { signal: abort.signal });
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    silent.close();
  });
});
