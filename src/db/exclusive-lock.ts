import type pg from 'pg';
import { guarded } from '../core/guard.ts';

/** One for all of Longhaul on one database: "lhml" as a number. Earlier versions migrate under it too. */
export const EXCLUSIVE_LOCK = 0x6c686d6c;

interface UnderLockOptions<T> {
  readonly work: () => Promise<T>;
  readonly onWait?: () => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does `work` while this process alone has the lock. It belongs to a connection and not to a transaction, which would be
 * idle while the work goes on over others, and the server ends those that are idle for long.
 */
export async function underLock<T>(pool: pg.Pool, { work, onWait, signal }: UnderLockOptions<T>): Promise<T> {
  signal?.throwIfAborted();
  const client = await pool.connect();
  let isTaken = false;
  let isReleased = false;
  // With its connection the lock goes too, and whoever waits for it gets an error.
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

async function take(client: pg.PoolClient, onWait: (() => void) | undefined): Promise<void> {
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [EXCLUSIVE_LOCK]);
  if (rows[0]?.taken === true) return;
  onWait?.();
  await client.query('select pg_advisory_lock($1)', [EXCLUSIVE_LOCK]);
}
