import type { Transaction } from '../db/database.ts';
import { startConsumer, type Consumer, type ConsumerOptions } from './consumer.ts';
import type { Notifier } from './notifier.ts';
import type { QueueMessage, RunQueue } from './run-queue.ts';

export type { QueueMessage } from './run-queue.ts';

/** The queues as the rest of Longhaul uses them: each change of a queue wakes the workers that it concerns. */
export interface Queue extends RunQueue {
  /** Queues a new run, in the caller's transaction. */
  enqueue(trx: Transaction, message: QueueMessage): Promise<void>;
  /** Wakes workers for all runs of a queue once the caller's transaction is committed, as when the queue is resumed. */
  announce(trx: Transaction, queue: string): Promise<void>;
  /** Calls `claim` whenever a queue may have runs and the worker has room for them. */
  consume(options: ConsumerOptions): Promise<Consumer>;
  /** Returns about how many wake-ups of a queue no worker has received yet; null when the backend does not count them. */
  countUndelivered(queue: string): Promise<number | null>;
  /** The backend that wakes workers, as `longhaul queues` and `/readyz` report it. */
  readonly backend: QueueBackend;
}

/** A backend that is away delays runs by up to 2 s: workers then check the database. */
export interface QueueBackend {
  readonly kind: 'database' | 'redis' | 'sqs';
  readonly isAway: boolean;
}

/** Joins the order of the runs, which is in the database, with the backend that wakes workers. */
export function createQueue({ runs, notifier }: { runs: RunQueue; notifier: Notifier }): Queue {
  const announceAll = async (trx: Transaction, messages: readonly QueueMessage[]) => {
    for (const [queue, ofQueue] of Map.groupBy(messages, (message) => message.queue)) {
      const runIds = ofQueue.filter(({ startAfter }) => startAfter === null).map(({ runId }) => runId);
      await notifier.announce(trx, { queue, runIds, count: runIds.length, dueAt: findFirstDue(ofQueue) });
    }
  };

  const enqueueAll: Queue['enqueueAll'] = async (trx, messages) => {
    await runs.enqueueAll(trx, messages);
    await announceAll(trx, messages);
  };

  return {
    async start(queues) {
      await runs.start(queues);
      try {
        await notifier.start(queues);
      } catch (error) {
        await runs.stop();
        throw error;
      }
    },
    enqueue: (trx, message) => enqueueAll(trx, [message]),
    enqueueAll,
    async requeue(trx, message) {
      await runs.requeue(trx, message);
      await announceAll(trx, [message]);
    },
    async take(trx, options) {
      const runIds = await runs.take(trx, options);
      if (runIds.length > 0) await notifier.withdraw(trx, { queue: options.queue, runIds });
      return runIds;
    },
    async exchange(trx, options) {
      const isExchanged = await runs.exchange(trx, options);
      if (isExchanged) {
        const { queue, taken, waiting } = options;
        await notifier.withdraw(trx, { queue, runIds: [waiting] });
        await notifier.announce(trx, { queue, runIds: [taken], count: 1, dueAt: null });
      }
      return isExchanged;
    },
    remove: (trx, message) => runs.remove(trx, message),
    async announce(trx, queue) {
      const [depth] = await runs.depth([queue], trx);
      await notifier.announce(trx, { queue, runIds: [], count: depth?.waiting ?? 0, dueAt: null });
    },
    findDue: (queues) => runs.findDue(queues),
    depth: (queues, trx) => runs.depth(queues, trx),
    consume: (options) => startConsumer({ runs, notifier }, options),
    countUndelivered: (queue) => notifier.countUndelivered(queue),
    get backend() {
      return { kind: notifier.backend ?? 'database', isAway: notifier.isAway } as const;
    },
    async stop() {
      await notifier.stop();
      await runs.stop();
    },
  };
}

function findFirstDue(messages: readonly QueueMessage[]): Date | null {
  let first: Date | null = null;
  for (const { startAfter } of messages) if (startAfter && !(first && first <= startAfter)) first = startAfter;
  return first;
}
