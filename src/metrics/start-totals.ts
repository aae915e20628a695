import { toMessage } from '../core/errors.ts';
import { every } from '../core/every.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { countTotals } from './totals.ts';

/** A scrape reads what happened since the last count: about two minutes. */
const EVERY_MS = 60_000;

/**
 * Starts to count what happened into the totals. Any number of processes may, whether or not anybody reads them.
 * Returns a function that stops it.
 */
export function startTotals({ database, log }: { database: Database; log: Logger }): () => Promise<void> {
  let isFailing = false;
  return every({
    intervalMs: EVERY_MS,
    async task() {
      await countTotals(database);
      isFailing = false;
    },
    onError(error) {
      // Logged once, not every minute while the database is unreachable.
      if (!isFailing) log.warn({ err: error }, `counting totals for metrics failed: ${toMessage(error)}`);
      isFailing = true;
    },
  });
}
