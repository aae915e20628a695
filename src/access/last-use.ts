import { sql } from 'kysely';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';

/** Milliseconds between writes of the last use of a key, which is the precision of the recorded time. */
const WRITE_EVERY_MS = 60_000;

/**
 * Records when keys were used, at most once a minute per key. Requests do not wait for it; a failure is only logged.
 */
export function createLastUse({ database, log }: { database: Database; log: Logger }) {
  const writtenAt = new Map<string, number>();
  const writing = new Set<Promise<void>>();

  async function write(id: string): Promise<void> {
    try {
      // Other servers write the time too.
      await sql`update longhaul.api_keys set last_used_at = now()
        where id = ${id} and (last_used_at is null or last_used_at < now() - interval '1 minute')`.execute(
        database.sql,
      );
    } catch (err) {
      log.debug({ err, keyId: id }, 'the use of an API key could not be recorded');
    }
  }

  return {
    record(id: string): void {
      const now = performance.now();
      if (now - (writtenAt.get(id) ?? -WRITE_EVERY_MS) < WRITE_EVERY_MS) return;
      writtenAt.set(id, now);
      const done = write(id).finally(() => writing.delete(done));
      writing.add(done);
    },
    async close(): Promise<void> {
      await Promise.all(writing);
    },
  };
}
