import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';

/** A streaming Claude Code process used 175 MB resident (measured, 2.1.330); its tools need more on top. */
export const ASSUMED_BYTES = 256_000_000;

/** Number of recent attempts in an agent's estimate, so that an extreme attempt is forgotten in time. */
const ATTEMPTS = 50;

/** Reads the highest memory use of each agent's last attempts, in bytes. Agents that were never measured are missing. */
export async function readMemoryUse(database: Database, agents: readonly string[]): Promise<Map<string, number>> {
  // A short walk down the index `attempts_by_agent` for each agent.
  const { rows } = await sql<{ agent: string; bytes: number | null }>`
    select name as agent,
           (select max(peak_memory_bytes)::float8
              from (select peak_memory_bytes from longhaul.attempts
                     where agent = name and peak_memory_bytes is not null
                     order by id desc limit ${sql.lit(ATTEMPTS)}) as latest) as bytes
      from unnest(${sql.val([...agents])}::text[]) as name`.execute(database.sql);
  return new Map(rows.flatMap(({ agent, bytes }) => (bytes === null ? [] : [[agent, bytes] as const])));
}
