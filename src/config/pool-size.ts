import type { Config } from './config.ts';

/** Most connections of a process that answers requests, unless configured. */
const DEFAULT = 14;

/** Connections of a worker that its slots do not add to: one listens, two serve maintenance, one claims and renews leases. */
const BESIDE_SLOTS = 4;

/**
 * Returns the maximum number of connections that a process opens: `database.poolSize`; by default 14, and for a process
 * that only works, no more than its slots use.
 */
export function toPoolSize({ database, worker }: Config, { isWorkerAlone }: { isWorkerAlone: boolean }): number {
  return database.poolSize ?? (isWorkerAlone ? Math.min(DEFAULT, worker.slots + BESIDE_SLOTS) : DEFAULT);
}
