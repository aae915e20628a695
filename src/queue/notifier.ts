import type { Transaction } from '../db/database.ts';

/** Runs of one queue that were queued. */
export interface Announcement {
  readonly queue: string;
  /** The runs that may be claimed now. Empty when only `dueAt` or the queue itself matters, as when it is resumed. */
  readonly runIds: readonly string[];
  /** The number of runs that may be claimed now. */
  readonly count: number;
  /** The time at which the first of the delayed runs is due, or null when none is delayed. */
  readonly dueAt: Date | null;
}

/** A hint for a worker that a queue may have a run for it. */
export interface WakeUp {
  readonly queue: string;
  /** The runs that it announces; empty when it may be any. */
  readonly runIds: readonly string[];
  /** Time until the runs are due, in ms: 0 for now. */
  readonly dueInMs: number;
  /**
   * The worker that it is for: `another` one was chosen, and this one claims only if that one does not; `any`: all workers
   * of the queue get it, and compete for the runs.
   */
  readonly addressee: 'this' | 'another' | 'any';
}

/** The worker's side of a subscription. No function throws. */
export interface WakeUpListener {
  readonly workerId: string;
  readonly queues: readonly string[];
  /** Returns how many runs of a queue the worker can take now. A backend that delivers to one worker asks before. */
  room(queue: string): number;
  /**
   * Receives a wake-up. Resolves to true when the claim that it caused has ended; to false when the worker has no room
   * or stops, so that the notifier gives a wake-up that was for this worker to another.
   */
  onWakeUp(wakeUp: WakeUp): Promise<boolean>;
  /** Called when another worker has claimed runs, so that no wake-up for them is needed any more. */
  onWithdrawn(queue: string, runIds: readonly string[]): void;
  /** Called when another worker is about to claim runs. */
  onBid(queue: string, runIds: readonly string[]): void;
  /** Called when wake-ups may have been lost. */
  onGap(): void;
}

/** The end of a subscription. */
export interface Subscription {
  /** Reports that `room` may have become larger. */
  wake(): void;
  stop(): Promise<void>;
}

/**
 * Wakes workers that have room for runs. A wake-up is a hint: it may be lost, delivered twice, late or for nothing, and
 * no run depends on it (see the room's README).
 */
export interface Notifier {
  /**
   * Makes the backend ready for these queues.
   * @throws {LonghaulError} `config_invalid` when its address, rights or credentials are wrong.
   */
  start(queues: readonly string[]): Promise<void>;
  /**
   * Announces queued runs once `trx` is committed, or now when it is null. Rejects only with an error of the
   * transaction itself: a backend that cannot be reached does not fail, or delay, a submission.
   */
  announce(trx: Transaction | null, announcement: Announcement): Promise<void>;
  /** Reports that runs are claimed once `trx` is committed, so that other workers need not try to claim them. */
  withdraw(trx: Transaction, claimed: { queue: string; runIds: readonly string[] }): Promise<void>;
  /**
   * Asks the other workers to leave these runs to the caller for a moment. Returns at once, and never throws: without it,
   * several workers try to claim the same run.
   */
  bid(claim: { queue: string; runIds: readonly string[] }): void;
  subscribe(listener: WakeUpListener): Promise<Subscription>;
  /** Returns about how many wake-ups of a queue no worker has received yet; null when the backend does not count them. */
  countUndelivered(queue: string): Promise<number | null>;
  /** True while wake-ups do not arrive: workers then check the database every 2 s. */
  readonly isAway: boolean;
  /** The backend beside the database, or null when the database itself wakes the workers. */
  readonly backend: 'redis' | 'sqs' | null;
  stop(): Promise<void>;
}
