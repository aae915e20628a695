import type { Transaction } from '../db/database.ts';

/** "Check this run." It may be delivered more than once: the lease on the run decides which worker executes it. */
export interface QueueMessage {
  readonly runId: string;
  readonly queue: string;
  /** Higher priorities are delivered first. */
  readonly priority: number;
  /** Earliest time of delivery, or null for at once. */
  readonly startAfter: Date | null;
}

/** The number of messages of a queue that wait to be delivered, and the time since which the oldest waits. */
export interface QueueDepth {
  readonly queue: string;
  readonly waiting: number;
  readonly delayed: number;
  readonly oldestWaitSeconds: number | null;
}

/** The result of a check: which queues have a run that may be claimed now, and when the next run becomes due. */
export interface DueRuns {
  /** The queues that are not paused and have a due run, in the order of the request. */
  readonly queues: readonly string[];
  /** Time until the next delayed run of these queues is due, in ms; null when none is delayed. */
  readonly nextInMs: number | null;
}

/**
 * The runs that wait for a worker, and their order. All changes are part of the caller's transaction, so that a run and
 * its place in the queue never disagree; therefore every implementation stores them in the database. A run has at most
 * one message at any time, so it is never queued twice.
 */
export interface RunQueue {
  /** Makes the queues ready to use. Must be called before anything else. */
  start(queues: readonly string[]): Promise<void>;
  /** Queues new runs, with one statement for each queue. */
  enqueueAll(trx: Transaction, messages: readonly QueueMessage[]): Promise<void>;
  /** Queues a run again, in place of the message it was claimed with. */
  requeue(trx: Transaction, message: QueueMessage): Promise<void>;
  /** Takes up to `limit` runs out of a queue, for this transaction only: after a rollback, they are queued again. */
  take(trx: Transaction, options: { queue: string; limit: number }): Promise<string[]>;
  /**
   * Gives this transaction the message of a waiting run in place of one it has taken, which gets the other's place in
   * the queue. Returns false, and changes nothing, when the other message is delayed or another transaction has it.
   */
  exchange(trx: Transaction, options: { queue: string; taken: string; waiting: string }): Promise<boolean>;
  /** Deletes a run's message, delivered or not. */
  remove(trx: Transaction, options: { runId: string; queue: string }): Promise<void>;
  /** Finds the queues with a due run, with one statement that locks nothing. Ignores paused queues. */
  findDue(queues: readonly string[]): Promise<DueRuns>;
  /** Counts the messages of queues, as `trx` sees them when it is given. */
  depth(queues: readonly string[], trx?: Transaction): Promise<QueueDepth[]>;
  stop(): Promise<void>;
}
