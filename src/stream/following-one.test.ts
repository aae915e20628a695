import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../test/support/databases.ts';
import { countQueries } from '../db/count-queries.fixture.ts';
import { recordEvents } from '../run/log/append-events.ts';
import { createRunBench, type RunBench } from '../run/run.fixture.ts';
import { createEventHub, type EventHub } from './event-hub.ts';
import { LOOK_EVERY_MS } from './timing.ts';

const FOLLOWERS = 20;

describe.each(DATABASE_KINDS)('many followers of one run, on the %s database', (kind) => {
  let bench: RunBench;
  let hub: EventHub;
  let queries: () => number;

  beforeAll(async () => {
    bench = await createRunBench(kind, { limits: { perUser: { runsPerMinute: false } } });
    const counting = countQueries(bench.database);
    ({ queries } = counting);
    hub = await createEventHub(counting.counted);
  });
  afterAll(async () => {
    await hub.close();
    await bench.remove();
  });

  it('share each read of its new events, and the polls while it is quiet', async () => {
    await bench.submit();
    const claimed = await bench.claim();
    const { run, lastSeq } = claimed;
    const { id } = run;
    const gone = new AbortController();
    const followers = Array.from({ length: FOLLOWERS }, () =>
      hub.follow({ runId: id, after: lastSeq, signal: gone.signal }),
    );
    const nextBatches = () => Promise.all(followers.map(async (follower) => (await follower.next()).value));
    const first = nextBatches();
    const events = [{ type: 'agent.text.delta' as const, data: { text: 'a', blockId: '1' } }];
    const startedAt = performance.now();
    await recordEvents(bench.database, { runId: id, attempt: 1, events, lease: claimed.lease, lastSeq });
    const batches = await first;
    expect(performance.now() - startedAt).toBeLessThan(LOOK_EVERY_MS - 1_000);
    expect(new Set(batches).size).toBe(1);
    expect(batches[0]?.map(({ seq }) => seq)).toEqual([lastSeq + 1]);

    const before = queries();
    expect((await nextBatches()).every((batch) => batch?.length === 0)).toBe(true);
    // A read that finds nothing before the wait, and one after it at most.
    expect(queries() - before).toBeLessThanOrEqual(3);
    gone.abort();
    await Promise.all(followers.map((follower) => follower.return()));
  }, 30_000);
});
