import { every } from '../core/every.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import { maintainAudit } from './maintain.ts';

/** How long an entry may be without its place in the chain. */
const MAINTAIN_EVERY_MS = 1_000;

interface StartOptions {
  readonly database: Database;
  /** How long entries are kept, in days; null for ever. */
  readonly retentionDays: number | null;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/** Starts to keep the audit record: any number of processes may, and one of them at a time does it. Returns what ends it. */
export function startAudit({ database, retentionDays, log }: StartOptions): () => Promise<void> {
  let isFailing = false;
  return every({
    intervalMs: MAINTAIN_EVERY_MS,
    async task() {
      await maintainAudit(database, { retentionDays, log });
      isFailing = false;
    },
    onError(err) {
      // Once, not every second while the database is away.
      if (!isFailing) log.warn({ err }, 'the audit record could not be kept; it is tried again');
      isFailing = true;
    },
  });
}
