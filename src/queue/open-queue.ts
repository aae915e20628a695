import type { QueueBackendConfig } from '../config/resolve-queue-backend.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { WakeUpBackend } from './backend/backend.ts';
import { createBackendNotifier } from './backend/backend-notifier.ts';
import { createDatabaseQueue } from './database-queue.ts';
import { createPgBossRunQueue } from './pg-boss-run-queue.ts';
import { createQueue, type Queue } from './queue.ts';

interface OpenQueueOptions {
  readonly database: Database;
  /** The backend that wakes workers; null for the database alone. */
  readonly backend: QueueBackendConfig | null;
  /** Time after which a message that was taken and never removed is delivered again. */
  readonly expireSeconds: number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Creates the queue with the configured backend. */
export async function openQueue({ database, backend, expireSeconds, log }: OpenQueueOptions): Promise<Queue> {
  const onError = (err: Error) => log.warn({ err }, 'queue error');
  if (backend === null) return createDatabaseQueue({ database, expireSeconds, onError });
  const notifier = createBackendNotifier({ database, backend: await loadBackend(backend, log), log });
  return createQueue({ runs: createPgBossRunQueue({ database, expireSeconds, onError }), notifier });
}

/** Loads a client only where it is configured: each takes 25 MB and half a second. */
async function loadBackend(
  config: QueueBackendConfig,
  log: Pick<Logger, 'warn'>,
  { isReadOnly = false } = {},
): Promise<WakeUpBackend> {
  if (config.kind === 'redis') {
    const { createRedisBackend } = await import('./backend/redis-backend.ts');
    return createRedisBackend(config.url);
  }
  const { createSqsBackend } = await import('./backend/sqs-backend.ts');
  return createSqsBackend({ ...config, log, isReadOnly });
}

/**
 * Tests with the rights of this process that the backend can be used. Creates nothing in it.
 * @throws {Error} the reason for which it cannot.
 */
export async function testQueueBackend(
  database: Database,
  { config, queues }: { config: QueueBackendConfig; queues: readonly string[] },
): Promise<void> {
  const row = await database.sql.selectFrom('longhaul.queue_backend').select('deployment_id').executeTakeFirst();
  const backend = await loadBackend(config, { warn() {} }, { isReadOnly: true });
  try {
    await backend.prepare(row?.deployment_id ?? 'none', queues);
    await backend.probe();
  } finally {
    await backend.close();
  }
}
