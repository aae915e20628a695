import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { appendEvents } from './append-events.ts';
import { readEvents, readVisibleEvents, type EventPage } from './read-events.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';
import { SEES_ALL } from '../viewer.ts';

describe.each(DATABASE_KINDS)('a page of events, on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });

  afterAll(() => bench.remove());

  /** Makes a run whose log has, after its first event, texts of these lengths. */
  async function saying(lengths: readonly number[]): Promise<string> {
    const { id: runId } = await bench.submit();
    const events = lengths.map(
      (length) => ({ type: 'agent.text', data: { text: 'x'.repeat(length), blockId: '1' } }) as const,
    );
    await bench.database.sql.transaction().execute((trx) => appendEvents(trx, { runId, attempt: 0, events }));
    return runId;
  }

  /** Returns the number of events in each page, from a place on. */
  async function sizesOf<T>(
    read: (after: number) => Promise<EventPage<T>>,
    placeOf: (event: T) => number,
    after: number,
  ): Promise<number[]> {
    const { events, hasMore } = await read(after);
    const rest = hasMore ? await sizesOf(read, placeOf, placeOf(events.at(-1)!)) : [];
    return [events.length, ...rest];
  }

  it('is cut when it is large, except for its first event, and reports that there is more', async () => {
    const runId = await saying([100_000, 100_000, 100_000, 900_000, 10, 10]);
    const ofRun = (limit: number) =>
      sizesOf(
        (after) => readEvents(bench.database, { runId, after, limit }),
        ({ seq }) => seq,
        1,
      );
    expect(await ofRun(50)).toEqual([3, 1, 2]);
    expect(await ofRun(2)).toEqual([2, 2, 2, 0]);
    const { events } = await readVisibleEvents(bench.database, { viewer: SEES_ALL, after: 0, upTo: 1e9, limit: 1 });
    const ofAll = await sizesOf(
      (after) => readVisibleEvents(bench.database, { viewer: SEES_ALL, after, upTo: 1e9, limit: 50 }),
      ({ position }) => position,
      events[0]!.position,
    );
    expect(ofAll).toEqual([3, 1, 2]);
  });

  it('has every event and reports that, when they are small', async () => {
    const runId = await saying([10, 10]);
    const page = await readEvents(bench.database, { runId, after: 0, limit: 50 });
    expect([page.events.map(({ seq }) => seq), page.hasMore]).toEqual([[1, 2, 3], false]);
    expect(await readEvents(bench.database, { runId, after: 3, limit: 50 })).toEqual({ events: [], hasMore: false });
  });
});
