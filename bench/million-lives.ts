import { createId } from '../src/core/ids.ts';
import { openPostgresDatabase } from '../src/db/postgres.ts';
import { openQueue } from '../src/queue/open-queue.ts';
import { claimRuns, type Claim } from '../src/run/claim/claim.ts';
import { settleAttempt, type Settlement } from '../src/run/end/settle.ts';
import { removeExpiredRuns } from '../src/run/remove-expired.ts';
import type { Bench } from './bench.ts';
import { LOG } from './log.ts';
import type { Bound } from './measurement.ts';
import type { Deployment } from './million.ts';
import { AGENT } from './start-longhaul.ts';
import { median, percentile } from './statistics.ts';

const LIVES = 200;
const QUEUED = 20_000;
const USERS = 500;
const BATCH = 1_000;
/** Runs of a day, with their events, that are deleted while others are claimed. */
const EXPIRED = 100_000;

const STEPS = ['submit', 'claim', 'settle'] as const;
type Times = Record<(typeof STEPS)[number], number[]>;

/** Measures the steps of a run's life: with few and many finished runs, with many queued, and beside deletions. */
export async function measureLives(
  bench: Bench,
  { few, many }: { few: Deployment; many: Deployment },
): Promise<{ figures: Record<string, number>; bounds: Bound<Record<string, number>>[] }> {
  const [ofFew, ofMany] = [await open(bench, few), await open(bench, many)];
  const fewTimes = newTimes();
  const manyTimes = newTimes();
  for (let index = -20; index < LIVES; index++) {
    await live(ofFew, index < 0 ? newTimes() : fewTimes);
    await live(ofMany, index < 0 ? newTimes() : manyTimes);
  }
  const retention = await measureRetention(ofMany, many);
  const queued = await measureQueued(ofMany, many);
  return {
    figures: {
      ...toRatios('Many', fewTimes, manyTimes),
      ...retention,
      ...toRatios('Queued', manyTimes, queued.times),
      newUserSubmitRatio: queued.newUserSubmitMs / median(manyTimes.submit),
      newUserRunsBefore: queued.newUserRunsBefore,
    },
    bounds: [
      ...STEPS.flatMap((step) => ['Many', 'Queued'].map((kind) => ({ figure: `${step}${kind}Ratio`, atMost: 1.5 }))),
      { figure: 'newUserSubmitRatio', atMost: 1.5 },
      { figure: 'newUserRunsBefore', atMost: USERS },
      { figure: 'removingClaimP99Ratio', atMost: 2 },
    ],
  };
}

function newTimes(): Times {
  return { submit: [], claim: [], settle: [] };
}

function toRatios(kind: string, before: Times, after: Times): Record<string, number> {
  return Object.fromEntries(
    STEPS.flatMap((step) => [
      [`${step}${kind}Ms`, median(after[step])],
      [`${step}${kind}Ratio`, median(after[step]) / median(before[step])],
    ]),
  );
}

type Lives = Awaited<ReturnType<typeof open>>;

async function open(bench: Bench, { url, longhaul }: Deployment) {
  const database = await openPostgresDatabase({ url });
  const queue = await openQueue({ database, backend: null, expireSeconds: 180, log: LOG });
  bench.onEnd(async () => {
    await queue.stop();
    await database.close();
  });
  await queue.start([AGENT]);
  return { deps: { database, queue, rules: longhaul.config, log: LOG }, longhaul, workerId: createId() };
}

/** Submits a run over HTTP, claims the next run and settles it. Returns the id of the submitted and the claimed run. */
async function live(lives: Lives, times: Times, user = `user-${times.submit.length % USERS}`) {
  const time = async <T>(step: keyof Times, work: () => Promise<T>) => {
    const startedAt = performance.now();
    const result = await work();
    times[step].push(performance.now() - startedAt);
    return result;
  };
  const submitted = await time('submit', () => lives.longhaul.client.submit({ agent: AGENT, prompt: 'Wait.', user }));
  const claim = await time('claim', () => claimNext(lives));
  await time('settle', () => settle(lives, claim));
  return { submittedId: submitted.id, claimedId: claim.run.id };
}

async function claimNext({ deps, workerId }: Lives): Promise<Claim> {
  const { claims } = await claimRuns(deps, { queue: AGENT, workerId, limit: 1, agents: new Set([AGENT]) });
  if (claims[0] === undefined) throw new Error('There was no run to claim.');
  return claims[0];
}

async function settle({ deps }: Lives, { lease }: Claim): Promise<void> {
  await settleAttempt(deps, { lease, settlement: SETTLEMENT });
}

/** Compares claims beside the deletion of a day's runs with claims before it. */
async function measureRetention(lives: Lives, { url, client }: Deployment): Promise<Record<string, number>> {
  const before = newTimes();
  for (let index = 0; index < LIVES * 2; index++) await live(lives, before);
  const { rows } = await client.query<{ days: number; runs: number }>(
    `select extract(epoch from now() - finished_at) / 86400 as days from longhaul.runs
      where finished_at is not null order by finished_at
      offset (select least($1::bigint, count(*) / 4) from longhaul.runs) limit 1`,
    [EXPIRED],
  );
  const database = await openPostgresDatabase({ url });
  const startedAt = performance.now();
  let isRemoving = true;
  const removing = removeExpiredRuns(database, { retentionDays: Number(rows[0]?.days) }).finally(() => {
    isRemoving = false;
  });
  removing.catch(() => {});
  const during = newTimes();
  while (isRemoving) await live(lives, during);
  const removed = await removing;
  const seconds = (performance.now() - startedAt) / 1_000;
  await database.close();
  return {
    removedRuns: removed,
    removingSeconds: seconds,
    removingClaims: during.claim.length,
    claimP99Ms: percentile(before.claim, 99),
    removingClaimP99Ms: percentile(during.claim, 99),
    removingClaimP99Ratio: percentile(during.claim, 99) / percentile(before.claim, 99),
    removingSubmitP99Ratio: percentile(during.submit, 99) / percentile(before.submit, 99),
  };
}

/** Measures with 20,000 queued runs of 500 users, then the first run of another user. */
async function measureQueued(lives: Lives, { client }: Deployment) {
  // As autovacuum leaves an empty queue: plans that are made now see no messages.
  await client.query('vacuum analyze longhaul_queue.job');
  for (let index = 0; index < LIVES / 4; index++) await live(lives, newTimes());
  for (let from = 0; from < QUEUED; from += BATCH) {
    const runs = Array.from({ length: BATCH }, (_, index) => ({
      agent: AGENT,
      prompt: 'Wait in line.',
      user: `user-${(from + index) % USERS}`,
    }));
    await lives.longhaul.client.submitMany(runs);
  }
  const times = newTimes();
  for (let index = 0; index < LIVES; index++) await live(lives, times);
  const ofNewUsers = newTimes();
  const { submittedId, claimedId } = await live(lives, ofNewUsers, 'a new user');
  let next = claimedId;
  let newUserRunsBefore = 0;
  for (; next !== submittedId; newUserRunsBefore++) {
    const claim = await claimNext(lives);
    await settle(lives, claim);
    next = claim.run.id;
  }
  for (let index = 0; index < LIVES / 4; index++) await live(lives, ofNewUsers, `new user ${index}`);
  return { times, newUserSubmitMs: median(ofNewUsers.submit), newUserRunsBefore };
}

const usage = { inputTokens: 2_000, outputTokens: 300, cacheReadTokens: 0, cacheCreationTokens: 0 };

const SETTLEMENT: Settlement = {
  outcome: { status: 'succeeded', result: 'Done.' },
  turns: 1,
  durationMs: 100,
  toolUses: {},
  metered: { costMicros: 600, models: { 'claude-sonnet-4-5': { ...usage, costUsd: 0.0006 } } },
  reported: { costMicros: 600, models: { 'claude-sonnet-4-5': { ...usage, costUsd: 0.0006 } } },
  exitCode: 0,
  signal: null,
  stderrTail: '',
  claudeCodeVersion: '2.1.330',
  peakMemoryBytes: 180_000_000,
  retryAfterSeconds: null,
};
