import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';

/** A tool use of an attempt that has no result. */
export interface UnfinishedTool {
  readonly toolUseId: string;
  readonly name: string;
  readonly input: unknown;
}

/** Returns the run before this one in its session, if it was cut off before its end; else null. */
export async function findCutOffRun(
  database: Database,
  { sessionId, sessionTurn }: { sessionId: string; sessionTurn: number },
): Promise<string | null> {
  const row = await database.sql
    .selectFrom('longhaul.runs')
    .select('id')
    .where('session_id', '=', sessionId)
    .where('session_turn', '=', sessionTurn - 1)
    .where('status', 'in', ['failed', 'cancelled'])
    .executeTakeFirst();
  return row?.id ?? null;
}

/** Reads the tool uses that were in progress when a run's earlier attempts ended, in the order in which they began. */
export async function findUnfinishedTools(database: Database, runId: string): Promise<UnfinishedTool[]> {
  const { rows } = await sql<UnfinishedTool>`
    select used.data->>'toolUseId' as "toolUseId", used.data->>'name' as name, used.data->'input' as input
      from longhaul.run_events as used
     where used.run_id = ${runId} and used.type = 'agent.tool_use'
       and not exists (select from longhaul.run_events as result
                        where result.run_id = ${runId} and result.type = 'agent.tool_result' and result.seq > used.seq
                          and result.data->>'isUnfinished' is null
                          and result.data->>'toolUseId' = used.data->>'toolUseId')
     order by used.seq`.execute(database.sql);
  return rows;
}
