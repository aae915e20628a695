import { setTimeout as delay } from 'node:timers/promises';
import { isDatabaseAway } from '../db/is-database-away.ts';

const DELAYS_MS = [50, 100, 250, 500, 1_000, 2_000];

interface RetryOptions {
  /** Whether it is of no use any more: the lease is lost. */
  readonly isLost: () => boolean;
  /** Told of each failure that is followed by another try. */
  readonly onAway?: (error: unknown) => void;
}

/**
 * Does what the database is needed for, again and again while it is away. Throws what the database refuses, and the
 * last failure when the lease is lost. What is done may have gone through although its answer did not.
 */
export async function retryWhileAway<T>(work: () => Promise<T>, { isLost, onAway }: RetryOptions): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isDatabaseAway(error) || isLost()) throw error;
      onAway?.(error);
      await delay(DELAYS_MS[Math.min(tries, DELAYS_MS.length - 1)]);
    }
  }
}
