import { sql } from 'kysely';
import type { Database } from './database.ts';

/** Milliseconds to cache the result, because probes need no key and each would otherwise cause a write. */
const HOLDS_FOR_MS = 1_000;

/**
 * Checks that the database accepts writes, with a write, because reads still work on a standby, with a full disk or a
 * missing permission. Returns a function that rejects when a write fails. It writes at most once a second.
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
