import { setTimeout as delay } from 'node:timers/promises';
import { isDatabaseAway } from '../db/is-database-away.ts';

const DELAYS_MS = [50, 100, 250, 500, 1_000, 2_000];

interface RetryOptions {
  /** Aborted when a retry is useless: when the lease is lost, or the time is up. */
  readonly signal: AbortSignal;
  /** Called with each failure that is followed by a retry. */
  readonly onAway?: (error: unknown) => void;
}

/**
 * Runs database work, and retries it while the database is away. Throws errors of the database itself, and the last
 * failure when the signal is aborted. The work may have succeeded although its answer was lost.
 */
export async function retryWhileAway<T>(work: () => Promise<T>, { signal, onAway }: RetryOptions): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!isDatabaseAway(error) || signal.aborted) throw error;
      onAway?.(error);
      await delay(DELAYS_MS[Math.min(tries, DELAYS_MS.length - 1)]);
    }
  }
}
