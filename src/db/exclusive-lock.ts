import type { PostgresPoolClient } from 'kysely';
import { guarded } from '../core/guard.ts';
import type { PostgresPool } from './postgres-pool.ts';

/** The lock of all Longhaul processes on one database: "lhml" as a number. Earlier versions also migrate under it. */
export const EXCLUSIVE_LOCK = 0x6c686d6c;

interface UnderLockOptions<T> {
  readonly work: () => Promise<T>;
  readonly onWait?: () => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does `work` while only this process has the lock. The lock belongs to a connection, not to a transaction: a
 * transaction would be idle while the work uses other connections, and the server ends transactions that are idle for
 * long.
 */
export async function underLock<T>(pool: PostgresPool, { work, onWait, signal }: UnderLockOptions<T>): Promise<T> {
  signal?.throwIfAborted();
  const client = await pool.connect();
  let isTaken = false;
  let isReleased = false;
  // The end of the connection also ends the lock, and processes that wait for the lock get an error.
  const release = (isBroken: boolean) => {
    if (!isReleased) client.release(isBroken);
    isReleased = true;
  };
  const leave = guarded(() => {
    if (!isTaken) release(true);
  });
  signal?.addEventListener('abort', leave, { once: true });
  try {
    await take(client, onWait);
    isTaken = true;
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', leave);
    if (!isReleased) {
      const isUnlocked = await client.query('select pg_advisory_unlock($1)', [EXCLUSIVE_LOCK]).then(
        () => true,
        () => false,
      );
      release(!isUnlocked);
    }
  }
}

async function take(client: PostgresPoolClient, onWait: (() => void) | undefined): Promise<void> {
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [EXCLUSIVE_LOCK]);
  if (rows[0]?.taken === true) return;
  onWait?.();
  await client.query('select pg_advisory_lock($1)', [EXCLUSIVE_LOCK]);
}
