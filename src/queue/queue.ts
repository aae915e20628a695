import type { Transaction } from '../db/database.ts';

/** "Look at this run." It may be delivered more than once: the lease on the run decides which worker executes it. */
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

/**
 * The queues in which runs wait for a worker. A run has at most one message at any time, so it is never queued twice.
 */
export interface Queue {
  /** Makes the queues ready to use. Must be called before anything else. */
  start(queues: readonly string[]): Promise<void>;
  /** Queues a new run, in the caller's transaction. */
  enqueue(trx: Transaction, message: QueueMessage): Promise<void>;
  /** Queues many new runs with one statement for each queue. */
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
  /**
   * Calls `onWork` with a queue's name as soon as it may have a message, or with null when notifications may have been
   * missed.
   */
  onWork(onWork: (queue: string | null) => void): Promise<() => Promise<void>>;
  depth(queues: readonly string[]): Promise<QueueDepth[]>;
  stop(): Promise<void>;
}
