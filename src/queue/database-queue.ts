import type { Database } from '../db/database.ts';
import { createPgBossRunQueue } from './pg-boss-run-queue.ts';
import { createPostgresNotifier } from './postgres-notifier.ts';
import { createQueue, type Queue } from './queue.ts';

interface DatabaseQueueOptions {
  readonly database: Database;
  /** Time after which a message that was taken and never removed is delivered again. */
  readonly expireSeconds: number;
  readonly onError: (error: Error) => void;
}

/** Creates the queue that needs nothing but the database: pg-boss holds the runs, and `NOTIFY` wakes workers. */
export function createDatabaseQueue(options: DatabaseQueueOptions): Queue {
  return createQueue({ runs: createPgBossRunQueue(options), notifier: createPostgresNotifier(options.database) });
}
