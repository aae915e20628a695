import { createRandom, type Random } from './random.ts';
import type { Task, TaskFailure } from './task.ts';

/** A run of a plan. */
export interface PlannedRun {
  readonly task: Task;
  /** Its agent: with the real executable or with the stub. */
  readonly agent: 'real' | 'stub';
  /** Time of its submission, from the beginning. */
  readonly atMs: number;
  /** True when its submission is sent twice at once, with one idempotency key. */
  readonly isSentTwice: boolean;
  /** Time of its cancellation, from its submission, or null. */
  readonly cancelAfterMs: number | null;
}

/** Kinds of deeds. */
export type DeedKind =
  | 'kill-worker'
  | 'term-worker'
  | 'term-worker-twice'
  | 'stop-worker'
  | 'stop-worker-over-lease'
  | 'kill-executable'
  | 'term-executable'
  | 'stop-executable'
  | 'restart-database'
  | 'crash-database'
  | 'database-away-over-lease'
  | 'cut-worker-off'
  | 'cut-worker-off-over-lease'
  | 'kill-server'
  | 'term-server'
  | 'cut-streams'
  | 'backend-away'
  | 'flush-backend'
  | 'silence-backend';

/** A deed of the hand. */
export interface PlannedDeed {
  readonly kind: DeedKind;
  /** Time from the beginning. */
  readonly atMs: number;
  /** Its target, from 0 up to 1: the place among the processes that exist at the time. */
  readonly target: number;
  /** Duration of its effect: a stop, an absence. */
  readonly durationMs: number;
}

/** The decisions that are made beforehand. */
export interface Plan {
  readonly seed: number;
  readonly runs: readonly PlannedRun[];
  /** Deeds in the order of time. */
  readonly deeds: readonly PlannedDeed[];
  /** Time at which the hand rests, from the beginning. */
  readonly restsAtMs: number;
}

interface PlanOptions {
  readonly seed: number;
  readonly runs: number;
  /** Duration of the hand's deeds. */
  readonly durationMs: number;
  /** True when a backend beside the database wakes the workers. Defaults to false. */
  readonly hasBackend?: boolean;
}

/** The share of the runs with the real executable: each takes a second of a processor and 200 MB. */
const REAL_SHARE = 0.15;

/** The part of the time in which runs are submitted; the hand continues while the runs finish. */
const SUBMISSION_SHARE = 0.8;

/** Average pause between two deeds. */
const DEED_EVERY_MS = 2_500;

const DEEDS_LEAST = 8;

/** Deeds that last longer than a lease fit only into a longer run. */
const LONG_DEEDS_FROM_MS = 60_000;

interface KindOfDeed {
  readonly kind: DeedKind;
  readonly weight: number;
  readonly durationMs?: readonly [number, number];
  readonly isLong?: true;
}

const DEEDS: readonly KindOfDeed[] = [
  { kind: 'kill-worker', weight: 5 },
  { kind: 'term-worker', weight: 1 },
  { kind: 'term-worker-twice', weight: 2 },
  { kind: 'stop-worker', weight: 2, durationMs: [1_000, 8_000] },
  { kind: 'stop-worker-over-lease', weight: 1, durationMs: [17_000, 24_000], isLong: true },
  { kind: 'kill-executable', weight: 4 },
  { kind: 'term-executable', weight: 2 },
  { kind: 'stop-executable', weight: 2, durationMs: [1_000, 8_000] },
  { kind: 'restart-database', weight: 1, durationMs: [0, 2_000] },
  { kind: 'crash-database', weight: 1, durationMs: [0, 2_000] },
  { kind: 'database-away-over-lease', weight: 0.3, durationMs: [17_000, 20_000], isLong: true },
  { kind: 'cut-worker-off', weight: 2, durationMs: [1_000, 8_000] },
  { kind: 'cut-worker-off-over-lease', weight: 1, durationMs: [17_000, 24_000], isLong: true },
  { kind: 'kill-server', weight: 2 },
  { kind: 'term-server', weight: 1 },
  { kind: 'cut-streams', weight: 4 },
];

/** Deeds on a backend that wakes workers. */
const BACKEND_DEEDS: readonly KindOfDeed[] = [
  { kind: 'backend-away', weight: 4, durationMs: [0, 12_000] },
  { kind: 'flush-backend', weight: 6 },
  { kind: 'silence-backend', weight: 3, durationMs: [1_000, 15_000] },
];

/** Decides everything from the seed. The same options give the same plan. */
export function createPlan({ seed, runs, durationMs, hasBackend = false }: PlanOptions): Plan {
  const random = createRandom(seed);
  const running = random.fork('runs');
  return {
    seed,
    runs: Array.from({ length: runs }, (_, index) => planRun(running, { index, runs, durationMs })).sort(
      (a, b) => a.atMs - b.atMs,
    ),
    deeds: planDeeds(random.fork('deeds'), { durationMs, kinds: hasBackend ? [...DEEDS, ...BACKEND_DEEDS] : DEEDS }),
    restsAtMs: durationMs,
  };
}

function planRun(
  random: Random,
  { index, runs, durationMs }: { index: number; runs: number; durationMs: number },
): PlannedRun {
  // The first runs are the real executable's, so that the shortest plan has some.
  const isReal = random.chance(REAL_SHARE) || index < Math.min(2, runs);
  return {
    task: planTask(random, {
      name: `r${String(index + 1).padStart(3, '0')}`,
      isLong: durationMs >= LONG_DEEDS_FROM_MS,
    }),
    agent: isReal ? 'real' : 'stub',
    atMs: Math.round(random.next() * durationMs * SUBMISSION_SHARE),
    isSentTwice: random.chance(0.2),
    cancelAfterMs: random.chance(0.08) ? random.int(0, 10_000) : null,
  };
}

const QUIET = { tools: 0, toolSeconds: 0, leavesDaemon: false, failures: [], endlessFailure: null } as const;

function planTask(random: Random, { name, isLong }: { name: string; isLong: boolean }): Task {
  const dice = random.next();
  const stream = { words: random.int(20, 100), wordDelayMs: random.int(5, 50) };
  if (dice < 0.35) return { ...QUIET, name, ...stream };
  if (dice < 0.65) {
    const tools = { tools: random.int(1, 4), toolSeconds: random.int(0, 10) / 10, leavesDaemon: random.chance(0.3) };
    return { ...QUIET, name, ...tools, words: 20, wordDelayMs: 10 };
  }
  if (dice < 0.73) return { ...QUIET, name, words: 150, wordDelayMs: random.int(40, 80) };
  if (dice < 0.85) {
    // Up to 24 s: longer than a lease, so that an attempt that continues without its lease is noticed.
    const tools = { tools: isLong ? random.int(5, 8) : 2, toolSeconds: 3, leavesDaemon: true };
    return { ...QUIET, name, ...tools, words: 20, wordDelayMs: 10 };
  }
  if (dice < 0.95) {
    const failures = Array.from({ length: random.int(1, 2) }, () => random.pick<TaskFailure>([500, 529, 'cut']));
    return { ...QUIET, name, ...stream, failures };
  }
  return { ...QUIET, name, ...stream, endlessFailure: random.pick([400, 529] as const) };
}

function planDeeds(
  random: Random,
  { durationMs, kinds }: { durationMs: number; kinds: readonly KindOfDeed[] },
): PlannedDeed[] {
  const possible = kinds.filter(({ isLong }) => isLong !== true || durationMs >= LONG_DEEDS_FROM_MS);
  const count = Math.max(DEEDS_LEAST, Math.floor(durationMs / DEED_EVERY_MS));
  // Each kind once, if it fits, then by weight.
  const chosen = random.shuffle(possible).slice(0, count);
  while (chosen.length < count) chosen.push(pickByWeight(random, possible));
  return random
    .shuffle(chosen)
    .map(({ kind, durationMs: [least, most] = [0, 0] }) => ({
      kind,
      // Runs first, then the hand: an idle worker is no target.
      atMs: Math.round((0.1 + random.next() * 0.9) * durationMs),
      target: random.next(),
      durationMs: random.int(least, most),
    }))
    .sort((a, b) => a.atMs - b.atMs);
}

function pickByWeight(random: Random, from: readonly KindOfDeed[]): KindOfDeed {
  let place = random.next() * from.reduce((sum, { weight }) => sum + weight, 0);
  for (const deed of from) {
    place -= deed.weight;
    if (place < 0) return deed;
  }
  return from[0]!;
}
