import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgresDatabase, DATABASE_KINDS } from '../../test/support/databases.ts';
import { startTcpProxy } from '../../test/support/tcp-proxy.ts';
import type { RunEvent } from '../core/events.ts';
import { createId } from '../core/ids.ts';
import { openPostgresDatabase } from '../db/postgres.ts';
import { appendEvents } from '../run/log/append-events.ts';
import type { PlacedEvent } from '../run/log/read-events.ts';
import { createRunBench, type RunBench } from '../run/run.fixture.ts';
import { SEES_ALL, type Viewer } from '../run/viewer.ts';
import { createEventHub, type EventHub } from './event-hub.ts';
import { createRunRow } from '../db/run-row.fixture.ts';

const text = (index: number) => ({ type: 'agent.text' as const, data: { text: String(index), blockId: '1' } });

describe.each(DATABASE_KINDS)('following many runs, on the %s database', (kind) => {
  let bench: RunBench;
  let hub: EventHub;

  beforeAll(async () => {
    bench = await createRunBench(kind, { limits: { perUser: { runsPerMinute: false } } });
    hub = await createEventHub(bench.database);
  });

  afterAll(async () => {
    await hub.close();
    await bench.remove();
  });

  const append = (runId: string, ...texts: number[]) =>
    bench.database.sql
      .transaction()
      .execute((trx) => appendEvents(trx, { runId, attempt: 0, events: texts.map(text) }));

  it('starts now, or after a cursor, and delivers events in the order of positions', async () => {
    const run = await bench.submit();
    const reader = read(hub, { viewer: SEES_ALL, after: null });
    const start = await reader.start;
    await append(run.id, 1, 2);
    await append(run.id, 3);
    expect(await reader.take(3)).toEqual(['1', '2', '3']);
    await reader.stop();
    const positions = reader.placed.map(({ position }) => position);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(positions[0]).toBeGreaterThan(start);
    const resumed = read(hub, { viewer: SEES_ALL, after: positions[0]! });
    expect(await resumed.take(2)).toEqual(['2', '3']);
    await resumed.stop();
  });

  it('shows each viewer only the events it may see', async () => {
    const viewers: Viewer[] = [
      { user: 'u1', team: null },
      { user: null, team: 't1' },
      { user: 'u1', team: 't1' },
      SEES_ALL,
    ];
    const readers = viewers.map((viewer) => read(hub, { viewer, after: null }));
    await Promise.all(readers.map(({ start }) => start));
    await bench.submit({ user: 'u1', team: 't1' });
    await bench.submit({ user: 'u1', team: 't2' });
    await bench.submit({ user: 'u2', team: 't1' });
    await bench.submit({ user: 'u2', team: null });
    await bench.submit({ user: null, team: null });
    const last = await bench.submit({ user: 'u1', team: 't1', prompt: 'last' });
    const counts = await Promise.all(
      readers.map(async (reader) => {
        await reader.until((event) => event.runId === last.id);
        await reader.stop();
        return reader.placed.length;
      }),
    );
    expect(counts).toEqual([3, 3, 2, 6]);
  });

  it('treats a cursor beyond the end as the end', async () => {
    const run = await bench.submit();
    const reader = read(hub, { viewer: SEES_ALL, after: Number.MAX_SAFE_INTEGER });
    await reader.start;
    await append(run.id, 7);
    expect(await reader.take(1)).toEqual(['7']);
    await reader.stop();
  });

  it('returns a page at once if there are events, else waits, and returns the next cursor', async () => {
    const { signal } = new AbortController();
    const now = await hub.pageVisible({ viewer: SEES_ALL, after: null, limit: 10, waitMs: 0, signal });
    expect(now.events).toEqual([]);
    const waiting = hub.pageVisible({ viewer: SEES_ALL, after: now.cursor, limit: 10, waitMs: 30_000, signal });
    const run = await bench.submit();
    expect((await waiting).events.map(({ event }) => event.runId)).toEqual([run.id]);
    await append(run.id, 1, 2, 3);
    const next = await hub.pageVisible({
      viewer: SEES_ALL,
      after: (await waiting).cursor,
      limit: 2,
      waitMs: 30_000,
      signal,
    });
    expect(next.events.map(({ event }) => event.data)).toEqual([text(1).data, text(2).data]);
    const other = { user: 'nobody', team: null };
    const none = await hub.pageVisible({ viewer: other, after: now.cursor, limit: 2, waitMs: 20, signal });
    // After the events of other owners, so that the next page does not scan them again.
    expect(none).toEqual({ cursor: next.events.at(-1)!.position + 1, events: [] });
  });

  it('delivers every event exactly once, in any order of commits', async () => {
    const runs = await Promise.all(
      Array.from({ length: 8 }, (_, index) => bench.submit({ user: `stress-${index % 4}`, team: 'stress' })),
    );
    const viewer = { user: null, team: 'stress' };
    const { cursor } = await hub.pageVisible({
      viewer: SEES_ALL,
      after: null,
      limit: 1,
      waitMs: 0,
      signal: new AbortController().signal,
    });
    const readers = [
      read(hub, { viewer, after: cursor }),
      read(hub, { viewer: SEES_ALL, after: cursor }),
      read(hub, { viewer: { user: 'stress-1', team: null }, after: cursor }),
    ];
    const reconnecting = readReconnecting(hub, { viewer, after: cursor, until: 8 * 40 });
    const write = async (runId: string) => {
      for (let index = 0; index < 40; index++) {
        await bench.database.sql.transaction().execute(async (trx) => {
          await appendEvents(trx, { runId, attempt: 0, events: [text(index)] });
          // The embedded database has one connection, so no two transactions overlap.
          if (kind === 'postgres') await pause(Math.random() * 12);
        });
      }
    };
    await Promise.all(runs.map((run) => write(run.id)));
    const expected = Array.from({ length: 40 }, (_, index) => String(index));
    const [team, all, user] = await Promise.all(
      [8 * 40, 8 * 40, 2 * 40].map(async (count, index) => {
        await readers[index]!.take(count);
        await readers[index]!.stop();
        return readers[index]!.placed;
      }),
    );
    for (const placed of [team!, all!, await reconnecting]) {
      expect(placed).toHaveLength(8 * 40);
      for (const run of runs) {
        const own = placed.filter(({ event }) => event.runId === run.id);
        expect(own.map(({ event }) => (event.data as { text: string }).text)).toEqual(expected);
      }
    }
    expect(user).toEqual(all!.filter(({ event }) => event.runId === runs[1]!.id || event.runId === runs[5]!.id));
  });
});

describe('following many runs while the database is unreachable', () => {
  it('keeps its position, sends heartbeats, and continues when the database is back', async () => {
    const { url, drop } = await createPostgresDatabase();
    const target = new URL(url);
    const proxy = await startTcpProxy(Number(target.port));
    const direct = await openPostgresDatabase({ url });
    const through = new URL(url);
    through.port = String(proxy.port);
    const database = await openPostgresDatabase({ url: through.href, onError: () => {} });
    const hub = await createEventHub(database);
    const runId = await insertRun(direct);
    const write = (index: number) =>
      direct.sql.transaction().execute((trx) => appendEvents(trx, { runId, attempt: 0, events: [text(index)] }));
    const reader = read(hub, { viewer: SEES_ALL, after: null });
    await reader.start;
    await write(1);
    expect(await reader.take(1)).toEqual(['1']);
    proxy.shut();
    await write(2);
    await reader.silence();
    proxy.reopen();
    await write(3);
    expect(await reader.take(3)).toEqual(['1', '2', '3']);
    await reader.stop();
    await hub.close();
    await Promise.all([database.close(), direct.close()]);
    await proxy.close();
    await drop();
  });

  async function insertRun(database: RunBench['database']): Promise<string> {
    const id = createId();
    await database.sql
      .insertInto('longhaul.runs')
      .values(createRunRow({ id, agent: 'reader', status: 'queued', prompt: 'hello' }))
      .execute();
    return id;
  }
});

interface Reading {
  readonly placed: readonly PlacedEvent[];
  /** The cursor at the start. */
  readonly start: Promise<number>;
  /** Resolves with the first `count` texts. */
  take(count: number): Promise<string[]>;
  until(isLast: (event: RunEvent) => boolean): Promise<void>;
  /** Resolves with the next heartbeat. */
  silence(): Promise<void>;
  stop(): Promise<void>;
}

function read(hub: EventHub, { viewer, after }: { viewer: Viewer; after: number | null }): Reading {
  const controller = new AbortController();
  const placed: PlacedEvent[] = [];
  const start = Promise.withResolvers<number>();
  const changed = new Set<() => void>();
  let silences = 0;
  let isBegun = false;
  const reading = (async () => {
    for await (const batch of hub.followVisible({ viewer, after, signal: controller.signal })) {
      if (batch === null || (batch.events.length === 0 && isBegun)) silences++;
      else start.resolve(batch.cursor);
      isBegun ||= batch !== null;
      placed.push(...(batch?.events ?? []));
      for (const tell of changed) tell();
    }
  })();
  const when = async (isSo: () => boolean) => {
    while (!isSo()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      changed.add(resolve);
      await promise;
      changed.delete(resolve);
    }
  };
  return {
    placed,
    start: start.promise,
    async take(count) {
      await when(() => placed.length >= count);
      return placed.slice(0, count).map(({ event }) => (event.data as { text: string }).text);
    },
    until: (isLast) => when(() => placed.some(({ event }) => isLast(event))),
    silence() {
      const before = silences;
      return when(() => silences > before);
    },
    async stop() {
      controller.abort();
      await reading;
    },
  };
}

/** Disconnects after every batch, and resumes with the last cursor. */
async function readReconnecting(
  hub: EventHub,
  { viewer, after, until }: { viewer: Viewer; after: number; until: number },
): Promise<PlacedEvent[]> {
  const placed: PlacedEvent[] = [];
  let cursor = after;
  while (placed.length < until) {
    const controller = new AbortController();
    for await (const batch of hub.followVisible({ viewer, after: cursor, signal: controller.signal })) {
      if (batch === null || batch.events.length === 0) continue;
      placed.push(...batch.events);
      ({ cursor } = batch);
      break;
    }
    controller.abort();
  }
  return placed;
}
