import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** How long an answer holds: probes need no key, and each would otherwise be a write. */
const HOLDS_FOR_MS = 1_000;

/**
 * Finds out whether the database takes writes, by one: a standby, a full disk and a missing right answer every read.
 * Returns what rejects when it does not. However many ask, the database is asked at most once a second.
 */
export function createWriteProbe(database: Database): () => Promise<void> {
  let answer: Promise<void> | null = null;
  let holdsUntil = Infinity;

  async function write(): Promise<void> {
    holdsUntil = Infinity;
    try {
      await sql`insert into longhaul.write_probe (written_at) values (now())
        on conflict (id) do update set written_at = excluded.written_at`.execute(database.sql);
    } finally {
      holdsUntil = performance.now() + HOLDS_FOR_MS;
    }
  }

  return () => {
    if (answer === null || performance.now() > holdsUntil) answer = write();
    return answer;
  };
}
