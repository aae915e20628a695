import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** A tool that an attempt has used and whose result is not in the log. */
export interface UnfinishedTool {
  readonly toolUseId: string;
  readonly name: string;
  readonly input: unknown;
}

/** The tools that were at work when a run's earlier attempts ended, in the order they began. */
export async function findUnfinishedTools(database: Database, runId: string): Promise<UnfinishedTool[]> {
  const { rows } = await sql<UnfinishedTool>`
    select used.data->>'toolUseId' as "toolUseId", used.data->>'name' as name, used.data->'input' as input
      from longhaul.run_events as used
     where used.run_id = ${runId} and used.type = 'agent.tool_use'
       and not exists (select from longhaul.run_events as result
                        where result.run_id = ${runId} and result.type = 'agent.tool_result' and result.seq > used.seq
                          and result.data->>'toolUseId' = used.data->>'toolUseId')
     order by used.seq`.execute(database.sql);
  return rows;
}
