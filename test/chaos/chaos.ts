import { setTimeout as delay } from 'node:timers/promises';
import { settlesWithin } from '../../src/core/settles-within.ts';
import { startCustomers } from './customers.ts';
import { DEADLINE_SECONDS, startFleet, type FleetBackendKind } from './fleet.ts';
import { startHand } from './hand.ts';
import { judgeAttempts } from './judge-attempts.ts';
import { judgeMoney } from './judge-money.ts';
import { judgeRemains } from './judge-remains.ts';
import { judgeRuns } from './judge-runs.ts';
import type { Judgment } from './judgment.ts';
import { createPlan } from './plan.ts';
import { assignCalls, readRecords } from './records.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly runs: number;
  readonly workers: number;
  /** The backend that wakes workers. Defaults to the database. */
  readonly backend?: FleetBackendKind;
  /** Duration of the hand's deeds. */
  readonly durationMs: number;
  /** Time that the runs may then take to end. Defaults to twice their deadline, which leaves some waits out. */
  readonly restMs?: number;
  /** Called for every deed: the time in milliseconds from the beginning, the deed, and its target. */
  readonly onDeed?: (deed: ChaosDeed) => void;
  readonly onProgress?: (progress: ChaosProgress) => void;
  readonly signal?: AbortSignal;
}

export interface ChaosDeed {
  readonly atMs: number;
  readonly kind: string;
  readonly what: string;
}

export interface ChaosProgress {
  readonly atMs: number;
  readonly submitted: number;
  readonly ended: number;
  readonly runs: number;
  readonly modelCalls: number;
  readonly isResting: boolean;
}

/** The result of a chaos run. */
export interface ChaosReport {
  readonly seed: number;
  readonly holds: boolean;
  readonly seconds: number;
  readonly deeds: number;
  readonly judgments: readonly Judgment[];
  /** The directory of the logs, which are kept when a judgment fails; else null. */
  readonly directory: string | null;
}

const PROGRESS_EVERY_MS = 1_000;

/**
 * Lets a fleet work through many runs while a seeded hand breaks things, then judges whether anything was lost, doubled
 * or left behind. Returns null when `signal` ended it. Ends everything that it started before it returns.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport | null> {
  const {
    seed,
    runs,
    durationMs,
    backend = 'database',
    restMs = (2 * DEADLINE_SECONDS + 60) * 1_000,
    onDeed,
    onProgress,
  } = options;
  const signal = options.signal ?? new AbortController().signal;
  const plan = createPlan({ seed, runs, durationMs, hasBackend: backend !== 'database' });
  const fleet = await startFleet({ workers: options.workers, backend });
  // From here on this ends everything, whatever happens.
  const ending = new AbortController();
  const end = () => ending.abort();
  signal.addEventListener('abort', end);
  if (signal.aborted) end();
  let isKept = false;
  const beganAt = performance.now();
  const now = () => Math.round(performance.now() - beganAt);
  let isResting = false;
  const customers = startCustomers({ client: fleet.client, runs: plan.runs, signal: ending.signal });
  const hand = startHand({
    fleet,
    deeds: plan.deeds,
    onDeed: (kind, what) => onDeed?.({ atMs: now(), kind, what }),
    signal: ending.signal,
  });
  const progress = setInterval(() => {
    const ended = customers.seen.filter(({ isSeenToItsEnd }) => isSeenToItsEnd).length;
    const modelCalls = fleet.model.calls.length;
    onProgress?.({ atMs: now(), submitted: customers.seen.length, ended, runs, modelCalls, isResting });
  }, PROGRESS_EVERY_MS);
  try {
    await Promise.all([hand.done, delay(plan.restsAtMs, undefined, { signal: ending.signal }).catch(() => {})]);
    isResting = true;
    const isAllEnded = await settlesWithin(customers.done, restMs);
    if (signal.aborted) return null;
    if (!isAllEnded) end();
    await customers.done;
    // A worker that is killed during its start has not swept yet, and would leave the files of its predecessor.
    await fleet.untilWorking(signal);
    const endings = await fleet.stopWorkers();
    if (signal.aborted) return null;
    const records = await readRecords(fleet.postgres.url);
    const { calls, strayCount } = fleet.model;
    const callsOf = await assignCalls({ records, calls, workers: fleet.workers });
    const judgments = [
      ...judgeRuns({ records, seen: customers.seen }),
      ...judgeMoney({ records, callsOf }),
      ...(await judgeAttempts({ records, callsOf, strayCount, journalDir: fleet.journalDir })),
      ...(await judgeRemains({ fleet, records, hand, endings })),
    ];
    const holds = judgments.every(({ problems }) => problems.length === 0);
    isKept = !holds;
    const seconds = Math.round(now() / 1_000);
    return { seed, holds, seconds, deeds: hand.deedCount, judgments, directory: isKept ? fleet.directory : null };
  } finally {
    clearInterval(progress);
    signal.removeEventListener('abort', end);
    end();
    await Promise.all([hand.done, customers.done]);
    await fleet.close({ isKept });
  }
}
