import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LonghaulEvent } from '../../src/client/client.ts';
import type { SeenRun } from './customers.ts';
import { judgeAttempts } from './judge-attempts.ts';
import { judgeMoney } from './judge-money.ts';
import { judgeRuns } from './judge-runs.ts';
import type { Judgment } from './judgment.ts';
import type { ModelCall } from './model.ts';
import { createPlan } from './plan.ts';
import type { AttemptRecord, EventRecord, Records, RunRecord } from './records.ts';
import { answerOf, type Task } from './task.ts';

// A judge that finds nothing proves nothing: each must find the fault it is made for.

const task: Task = {
  name: 'r001',
  tools: 0,
  toolSeconds: 0,
  leavesDaemon: false,
  words: 2,
  wordDelayMs: 0,
  failures: [],
  endlessFailure: null,
};

const text = answerOf(task);

const events: readonly EventRecord[] = [
  { seq: 1, type: 'run.queued', attempt: 0, data: {} },
  { seq: 2, type: 'agent.text.delta', attempt: 1, data: { text: text.slice(0, 4), blockId: 'b' } },
  { seq: 3, type: 'agent.text.delta', attempt: 1, data: { text: text.slice(4), blockId: 'b' } },
  { seq: 4, type: 'agent.text', attempt: 1, data: { text, blockId: 'b' } },
  { seq: 5, type: 'run.succeeded', attempt: 1, data: {} },
];

const attempt: AttemptRecord = {
  id: 'a1',
  number: 1,
  workerId: 'w',
  startedAtMs: 1_000,
  finishedAtMs: 2_000,
  outcome: 'succeeded',
  errorCode: null,
  errorDetail: null,
};

const run: RunRecord = {
  id: 'id',
  name: 'r001',
  agent: 'stub',
  status: 'succeeded',
  result: text,
  errorCode: null,
  errorDetail: null,
  createdAtMs: 500,
  lastSeq: 5,
  costMicros: 100,
  events,
  attempts: [attempt],
  ledger: [{ attemptId: 'a1', costMicros: 100 }],
};

const call: ModelCall = { run: 'r001', workerKey: 'w1.1', receivedAtMs: 1_500, costMicros: 100, outcome: 'whole' };

const toRecords = (changes: Partial<RunRecord>): Records => ({
  runs: new Map([['r001', { ...run, ...changes }]]),
  runCount: 1,
  queuedMessages: 0,
  budgets: [{ name: 'team', spentMicros: 100, reservedMicros: 0, bookedMicros: 100, summedMicros: 100 }],
});

const toSeen = (changes: Partial<SeenRun> = {}): SeenRun => ({
  planned: { task, agent: 'stub', atMs: 0, isSentTwice: false, cancelAfterMs: null },
  ids: ['id'],
  events: events.map((event) => ({ ...event, runId: 'id', at: '' }) as LonghaulEvent),
  isSeenToItsEnd: true,
  interruptions: 0,
  problem: null,
  ...changes,
});

const toBroken = (judgments: readonly Judgment[]) =>
  judgments.filter(({ problems }) => problems.length > 0).map(({ claim }) => claim.split(/[,:]/)[0]);

describe('the judges of runs', () => {
  const judge = (changes: Partial<RunRecord>, seen: Partial<SeenRun> = {}) =>
    toBroken(judgeRuns({ records: toRecords(changes), seen: [toSeen(seen)] }));

  it('accept a correct record', () => {
    expect(judge({})).toEqual([]);
  });

  it('find a submission that became two runs', () => {
    expect(judge({}, { ids: ['id', 'other'] })).toEqual(['every submission became one run']);
  });

  it('find an unfinished run', () => {
    expect(judge({ status: 'running' })).toContain('every run is final');
  });

  it('find a doubled final event, and a final event that is not the last', () => {
    const again = { seq: 6, type: 'run.failed', attempt: 2, data: {} };
    expect(judge({ events: [...events, again], lastSeq: 6 })).toContain('every run ended once');
    expect(judge({ events: [...events, { ...again, type: 'agent.text' }], lastSeq: 6 })).toContain(
      'every run ended once',
    );
  });

  it('find a gap in a log', () => {
    expect(judge({ events: events.filter(({ seq }) => seq !== 2) })).toContain('every log is free of gaps');
  });

  it('find an event that its follower missed, got twice or got changed', () => {
    const claim = 'every follower saw the whole log once';
    const { events: whole } = toSeen();
    expect(judge({}, { events: whole.slice(0, -1) })).toContain(claim);
    expect(judge({}, { events: [...whole, whole.at(-1)!] })).toContain(claim);
    expect(judge({}, { events: whole.map((event) => ({ ...event, attempt: 1 })) })).toContain(claim);
  });

  it('find text that does not add up', () => {
    const torn = toSeen().events.filter(({ seq }) => seq !== 3);
    expect(judge({}, { events: torn })).toContain('the pieces of every text make the text');
  });

  it('find a failure without a cause', () => {
    const failed = { ...attempt, outcome: 'failed', errorCode: 'internal_error' };
    expect(judge({ attempts: [failed] })).toEqual([
      'every attempt that failed did so for a reason that the plan or the hand gave',
    ]);
    expect(judge({ attempts: [{ ...failed, errorCode: 'worker_lost' }] })).toEqual([]);
  });
});

describe('the judges of money', () => {
  const judge = (changes: Partial<RunRecord>, calls: readonly ModelCall[] = [call]) =>
    toBroken(judgeMoney({ records: toRecords(changes), callsOf: new Map([['a1', calls]]) }));

  it('accept a correct record, and a broken answer that is charged in part', () => {
    expect(judge({})).toEqual([]);
    expect(judge({}, [{ ...call, costMicros: 300, outcome: 'broken' }])).toEqual([]);
  });

  it('find a wrong sum', () => {
    expect(judge({ costMicros: 90 })).toEqual(['a run costs the sum of its ledger entries']);
  });

  it.each([{ reservedMicros: 1 }, { spentMicros: 90 }, { summedMicros: 90 }])('find a budget with %j', (wrong) => {
    const records = toRecords({});
    const budgets = records.budgets.map((budget) => ({ ...budget, ...wrong }));
    expect(toBroken(judgeMoney({ records: { ...records, budgets }, callsOf: new Map([['a1', [call]]]) }))).toEqual([
      'a budget has spent what the ledger and its sums say',
    ]);
  });

  it('find an attempt without an entry, and an attempt without an end', () => {
    expect(judge({ ledger: [], costMicros: 0 }, [])).toEqual(['every attempt has ended']);
    expect(judge({ attempts: [{ ...attempt, finishedAtMs: null }] })).toEqual(['every attempt has ended']);
  });

  it('find a charge for a call that was not made', () => {
    expect(judge({}, [{ ...call, costMicros: 99 }])).toEqual([
      'no attempt is charged for more than it asked the model for',
    ]);
  });

  it('find an answer that was not charged, except of a lost worker', () => {
    const calls = [call, call];
    expect(judge({}, calls)).toEqual(['every whole answer is charged for']);
    for (const errorCode of ['worker_lost', 'poison_run']) {
      expect(judge({ attempts: [{ ...attempt, outcome: 'failed', errorCode }] }, calls)).toEqual([]);
    }
  });
});

describe('the judges of attempts', () => {
  const second: AttemptRecord = { ...attempt, id: 'a2', number: 2, startedAtMs: 3_000, finishedAtMs: 4_000 };

  async function judge(changes: Partial<RunRecord>, { calls = [call], journal = '' } = {}): Promise<unknown[]> {
    const journalDir = await mkdtemp(path.join(tmpdir(), 'longhaul-journal-'));
    try {
      await writeFile(path.join(journalDir, 'r001'), journal);
      const callsOf = new Map([['a1', calls]]);
      return toBroken(await judgeAttempts({ records: toRecords(changes), callsOf, strayCount: 0, journalDir }));
    } finally {
      await rm(journalDir, { recursive: true });
    }
  }

  it('accept attempts one after the other', async () => {
    const journal = 'a1 0 begin\na2 0 begin\na2 0 end\n';
    expect(await judge({ attempts: [attempt, second] }, { journal })).toEqual([]);
  });

  it('find an attempt that began too early', async () => {
    const attempts = [attempt, { ...second, startedAtMs: 1_900 }];
    expect(await judge({ attempts })).toEqual(['no attempt began before the one before it had ended']);
  });

  it('find an attempt that called the model after its end', async () => {
    expect(await judge({}, { calls: [{ ...call, receivedAtMs: 2_100 }] })).toEqual([
      'no attempt asked the model for anything after the next had begun',
    ]);
  });

  it('find an attempt that used a tool after another had begun to', async () => {
    const journal = 'a1 0 begin\na2 0 begin\na1 0 end\n';
    expect(await judge({ attempts: [attempt, second] }, { journal })).toEqual([
      'no two attempts of a run used tools at the same time',
    ]);
  });
});

describe('a plan', () => {
  const options = { seed: 7, runs: 50, durationMs: 120_000 };

  it('is the same for the same seed, and differs for another seed', () => {
    expect(createPlan(options)).toEqual(createPlan(options));
    expect(createPlan({ ...options, seed: 8 }).deeds).not.toEqual(createPlan(options).deeds);
  });

  it('has every kind of deed if there is time, and no deed that outlasts a short plan', () => {
    expect(new Set(createPlan(options).deeds.map(({ kind }) => kind)).size).toBe(16);
    const short = createPlan({ ...options, durationMs: 12_000 });
    expect(Math.max(...short.deeds.map(({ durationMs }) => durationMs))).toBeLessThan(12_000);
  });
});
