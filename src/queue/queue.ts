import type { Transaction } from '../db/database.ts';

/** "Look at this run." Nothing depends on it coming once: the lease on the run decides who executes it. */
export interface QueueMessage {
  readonly runId: string;
  readonly queue: string;
  /** Higher goes first. */
  readonly priority: number;
  /** Not to be delivered before, or null for at once. */
  readonly startAfter: Date | null;
}

/** How many messages of a queue wait to be delivered, and since when the oldest. */
export interface QueueDepth {
  readonly queue: string;
  readonly waiting: number;
  readonly delayed: number;
  readonly oldestWaitSeconds: number | null;
}

/** Where runs wait for a worker. There is at most one message for a run at any time: no run is ever in line twice. */
export interface Queue {
  /** Makes the queues ready to use. To be called before anything else. */
  start(queues: readonly string[]): Promise<void>;
  /** Puts a new run in line, with whatever else the caller's transaction does. */
  enqueue(trx: Transaction, message: QueueMessage): Promise<void>;
  /** Puts many new runs in line, at the cost of one for each queue. */
  enqueueAll(trx: Transaction, messages: readonly QueueMessage[]): Promise<void>;
  /** Puts a run in line again, in the place of the message that brought it out. */
  requeue(trx: Transaction, message: QueueMessage): Promise<void>;
  /** Takes up to `limit` runs out of a queue, for this transaction alone: rolled back, they are in line again. */
  take(trx: Transaction, options: { queue: string; limit: number }): Promise<string[]>;
  /**
   * Gives the message of a run that waits to this transaction in place of one that it has taken, which stands in line
   * where the other stood. False, with nothing changed, when the other is for later or somebody else has it.
   */
  exchange(trx: Transaction, options: { queue: string; taken: string; waiting: string }): Promise<boolean>;
  /** Forgets a run's message, delivered or not. */
  remove(trx: Transaction, options: { runId: string; queue: string }): Promise<void>;
  /** Calls `onWork` with a queue's name as soon as something may be in it, or with null when any may have been missed. */
  onWork(onWork: (queue: string | null) => void): Promise<() => Promise<void>>;
  depth(queues: readonly string[]): Promise<QueueDepth[]>;
  stop(): Promise<void>;
}
