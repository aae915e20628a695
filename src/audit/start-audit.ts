import { every } from '../core/every.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { maintainAudit } from './maintain.ts';

/** Longest time for which an entry may be unchained. */
const MAINTAIN_EVERY_MS = 1_000;

interface StartOptions {
  readonly database: Database;
  /** Retention of entries in days; null: forever. */
  readonly retentionDays: number | null;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Starts to maintain the audit record. Any number of processes may do so: one of them does the work at a time. Returns
 * a function that stops it.
 */
export function startAudit({ database, retentionDays, log }: StartOptions): () => Promise<void> {
  let isFailing = false;
  return every({
    intervalMs: MAINTAIN_EVERY_MS,
    async task() {
      await maintainAudit(database, { retentionDays, log });
      isFailing = false;
    },
    onError(err) {
      // Logged once, not every second while the database is unavailable.
      if (!isFailing) log.warn({ err }, 'the audit record could not be maintained and will be retried');
      isFailing = true;
    },
  });
}
