import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_KINDS } from '../../../test/support/databases.ts';
import { createId } from '../../core/ids.ts';
import { cancelRun } from '../cancel.ts';
import type { Claim } from '../claim/claim.ts';
import { sweepHeld } from './concurrency.ts';
import { findRun, listRuns } from '../read/read-runs.ts';
import { SEES_ALL } from '../viewer.ts';
import { createRunBench, type RunBench } from '../run.fixture.ts';

describe.each(DATABASE_KINDS)('concurrency limits on the %s database', (kind) => {
  let bench: RunBench;

  beforeAll(async () => {
    bench = await createRunBench(kind);
  });

  afterEach(async () => {
    const { runs } = await listRuns(bench.database, { viewer: SEES_ALL, filter: {}, limit: 200 });
    for (const { id } of runs) await cancelRun(bench, id);
    for (const claimed of taken.splice(0)) await bench.settle(claimed);
  });

  afterAll(() => bench.remove());

  const taken: Claim[] = [];
  const claimUpTo: RunBench['claimUpTo'] = async (limit, changes) => {
    const claims = await bench.claimUpTo(limit, changes);
    taken.push(...claims);
    return claims;
  };
  const submitAll = async (...users: string[]) => {
    const ids = [];
    for (const user of users) ids.push((await bench.submit({ user })).id);
    return ids;
  };
  const idsOf = (claims: readonly Claim[]) => claims.map(({ run }) => run.id);
  /** Runs one after another, as a worker with one slot does. */
  const takeInTurn = async (count: number) => {
    const users: (string | null)[] = [];
    for (let taken = 0; taken < count; taken++) {
      const claimed = await bench.claim();
      users.push(claimed.run.user);
      await bench.settle(claimed);
    }
    return users;
  };

  it('gives users turns: a user with many queued runs does not delay the first run of another', async () => {
    bench.configure({});
    await submitAll(...Array.from({ length: 20 }, () => 'many'));
    expect(await takeInTurn(3)).toEqual(['many', 'many', 'many']);
    await submitAll('new', 'new', 'late');
    expect(new Set(await takeInTurn(3))).toEqual(new Set(['late', 'many', 'new']));
    expect(new Set(await takeInTurn(2))).toEqual(new Set(['many', 'new']));
    expect(await takeInTurn(15)).toEqual(Array.from({ length: 15 }, () => 'many'));
  });

  it('puts a priority before the turns of users', async () => {
    bench.configure({});
    await submitAll('a', 'a', 'b');
    const urgent = await bench.submit({ user: 'a', priority: 1 });
    expect(idsOf(await claimUpTo(1))).toEqual([urgent.id]);
  });

  it("holds a user's runs over the limit, exactly, whichever worker claims, and begins each as another ends", async () => {
    bench.configure({ limits: { perUser: { concurrent: 2, runsPerMinute: false } } });
    const ann = await submitAll('ann', 'ann', 'ann', 'ann', 'ann');
    const [bob] = await submitAll('bob');
    const claims = (await Promise.all(Array.from({ length: 6 }, () => claimUpTo(3, { workerId: createId() })))).flat();
    expect(claims).toHaveLength(3);
    expect(idsOf(claims)).toContain(bob);
    expect(claims.filter(({ run }) => run.user === 'ann')).toHaveLength(2);
    expect(await claimUpTo(10)).toEqual([]);
    for (const id of ann.filter((one) => !idsOf(claims).includes(one)))
      expect(await findRun(bench.database, { runId: id, viewer: SEES_ALL })).toMatchObject({
        status: 'queued',
        attempt: 0,
      });

    const running = claims.filter(({ run }) => run.user === 'ann');
    const done = new Set<string>();
    while (running.length > 0) {
      const ended = running.shift()!;
      await bench.settle(ended);
      done.add(ended.run.id);
      running.push(...(await claimUpTo(10)));
      expect(running.length).toBeLessThanOrEqual(2);
    }
    expect([...done].sort()).toEqual([...ann].sort());
  });

  it('holds runs of an agent, and of the global limit, in the same way', async () => {
    bench.configure({
      agents: { reader: { tools: ['Read'], concurrent: 3 } },
      limits: { global: { concurrent: 2 }, perUser: { runsPerMinute: false } },
    });
    await submitAll('a', 'b', 'c', 'd');
    const first = await claimUpTo(10);
    expect(first).toHaveLength(2);
    await bench.settle(first[0]!);
    expect(await claimUpTo(10)).toHaveLength(1);
  });

  it('cancels a held run and clears its hold', async () => {
    bench.configure({ limits: { perUser: { concurrent: 1, runsPerMinute: false } } });
    const [, held, next] = await submitAll('ann', 'ann', 'ann');
    const [claimed] = await claimUpTo(10);
    expect(await cancelRun(bench, held!)).toMatchObject({ status: 'cancelled' });
    await bench.settle(claimed!);
    expect(idsOf(await claimUpTo(10))).toEqual([next]);
  });

  it('begins held runs when the limit is gone, or when the other runs ended in another way', async () => {
    bench.configure({ limits: { perUser: { concurrent: 1, runsPerMinute: false } } });
    const ids = await submitAll('ann', 'ann', 'ann');
    const [claimed] = await claimUpTo(10);
    expect(await sweepHeld(bench)).toBe(0);
    const unlimited = {
      ...bench.rules,
      limits: { ...bench.rules.limits, perUser: { ...bench.rules.limits.perUser, concurrent: null } },
    };
    expect(await sweepHeld({ ...bench, rules: unlimited })).toBe(2);
    expect((await bench.depth()).waiting).toBe(2);
    expect(ids).toContain(claimed!.run.id);
  });
});
