import type { LonghaulClient } from '../src/client/client.ts';
import type { LonghaulConfig } from '../src/config/schema.ts';
import type { Bench } from './bench.ts';
import { repeat } from './measure-rate.ts';
import { judge, type Measurement } from './measurement.ts';
import { AGENT, startLonghaul } from './start-longhaul.ts';

const ROUNDS = 6;
const SUBMISSIONS_PER_ROUND = 150;
const CONCURRENCY = 8;
const USERS = 50;
const MOST = 1_000_000;

const budget = { usdPerDay: MOST, usdPerMonth: MOST };
const EVERY_LIMIT: LonghaulConfig['limits'] = {
  perUser: { runsPerMinute: MOST, concurrent: MOST, ...budget },
  perTeam: budget,
  perKey: { runsPerMinute: MOST },
  global: { concurrent: MOST, ...budget },
};
const NO_LIMIT: LonghaulConfig['limits'] = { perUser: { runsPerMinute: false } };

/** Measures submissions a second with every kind of limit, none reached, against no limits; nothing is executed. */
export async function measureLimits(bench: Bench): Promise<Measurement> {
  const contenders = [await prepare(bench, NO_LIMIT), await prepare(bench, EVERY_LIMIT)];
  const durationsMs = contenders.map(() => 0);
  for (const work of contenders) await repeat({ times: SUBMISSIONS_PER_ROUND, concurrency: CONCURRENCY, work });
  // In turns, so that other load on the machine affects both alike.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, work] of contenders.entries()) {
      durationsMs[index]! += await repeat({ times: SUBMISSIONS_PER_ROUND, concurrency: CONCURRENCY, work });
    }
  }
  const toRate = (durationMs = NaN) => (ROUNDS * SUBMISSIONS_PER_ROUND * 1_000) / durationMs;
  const [without = NaN, withAll = NaN] = durationsMs.map(toRate);
  return judge(
    'limits',
    {
      submissions: ROUNDS * SUBMISSIONS_PER_ROUND,
      concurrency: CONCURRENCY,
      withoutLimitsPerSecond: without,
      withEveryLimitPerSecond: withAll,
      withToWithoutRatio: withAll / without,
    },
    [{ figure: 'withToWithoutRatio', atLeast: 0.7 }],
  );
}

/** Starts a Longhaul on PostgreSQL with a paused queue; returns a function that submits one run. */
async function prepare(bench: Bench, limits: LonghaulConfig['limits']): Promise<() => Promise<void>> {
  const { client, request } = await startLonghaul({
    bench,
    limits,
    variables: await bench.createDatabase('postgres'),
  });
  await request(`/v1/queues/${AGENT}/pause`, { method: 'POST' });
  let count = 0;
  return () => submit(client, count++);
}

async function submit(client: LonghaulClient, count: number): Promise<void> {
  const user = `user-${count % USERS}`;
  await client.submit({ agent: AGENT, prompt: 'Wait in line.', user, team: `team-${count % 5}` });
}
