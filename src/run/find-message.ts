import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** The message that a request with an idempotency key has left for a run; null: the run is its own. */
export async function findMessageId(
  database: Database,
  { runId, owner, key }: { runId: string; owner: string; key: string },
): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from longhaul.messages
     where run_id = ${runId} and submission -> 'request' ->> 'owner' = ${owner}
       and submission -> 'request' ->> 'key' = ${key}`.execute(database.sql);
  return rows[0]?.id ?? null;
}
