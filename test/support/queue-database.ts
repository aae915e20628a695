import { expect } from 'vitest';
import { createDatabaseQueue } from '../../src/queue/database-queue.ts';
import type { Queue } from '../../src/queue/queue.ts';
import { createTestDatabase, type DATABASE_KINDS, type TestDatabase } from './databases.ts';

/** A new database at the current schema with its queue. `remove` also stops the queue. */
interface QueueDatabase extends TestDatabase {
  readonly queue: Queue;
}

/** Creates a database with the named queues. An error inside the queue fails the test. */
export async function createQueueDatabase(
  kind: (typeof DATABASE_KINDS)[number],
  queues: readonly string[],
): Promise<QueueDatabase> {
  const { database, url, remove } = await createTestDatabase(kind);
  const queue = createDatabaseQueue({
    database,
    expireSeconds: 180,
    onError: (error) => expect.unreachable(error.message),
  });
  await queue.start(queues);
  return {
    database,
    url,
    queue,
    async remove() {
      await queue.stop();
      await remove();
    },
  };
}
