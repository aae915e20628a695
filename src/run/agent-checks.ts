import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/**
 * The check of the health agent: a single row for the fleet, which names the run that asked. The result is in that run.
 */
export interface AgentCheck {
  /** The run that asks or asked; null while it is being submitted. */
  readonly runId: string | null;
  /** The run of the check before this one. */
  readonly earlierRunId: string | null;
  /** Milliseconds since the check began, by the database's clock. */
  readonly ageMs: number;
}

/** Reads the check; null before the first one. */
export async function readAgentCheck(database: Database): Promise<AgentCheck | null> {
  const row = await database.sql
    .selectFrom('longhaul.agent_checks')
    .select(['run_id', 'earlier_run_id', sql<number>`(extract(epoch from now() - begun_at) * 1000)::float8`.as('age')])
    .executeTakeFirst();
  return row === undefined ? null : { runId: row.run_id, earlierRunId: row.earlier_run_id, ageMs: row.age };
}

interface BeginOptions {
  /** The run of the check that is known to be old; null when none is known. */
  readonly knownRunId: string | null;
  /** Age in milliseconds from which any check may be replaced. */
  readonly patienceMs: number;
}

/** Begins a check. Returns whether this process did: of many that try at once, only one does. */
export async function beginAgentCheck(database: Database, { knownRunId, patienceMs }: BeginOptions): Promise<boolean> {
  const { rows } = await sql`
    insert into longhaul.agent_checks as held (begun_at) values (now())
    on conflict (is_one) do update
      set begun_at = now(), earlier_run_id = coalesce(held.run_id, held.earlier_run_id), run_id = null
    where held.run_id is not null and held.run_id is not distinct from ${knownRunId}
       or held.begun_at < now() - ${sql.lit(patienceMs)} * interval '1 millisecond'
    returning 1`.execute(database.sql);
  return rows.length > 0;
}

/** Names the run that asks. */
export async function nameAgentCheckRun(database: Database, runId: string): Promise<void> {
  await database.sql.updateTable('longhaul.agent_checks').set({ run_id: runId }).execute();
}
