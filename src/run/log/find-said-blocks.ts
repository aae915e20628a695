import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';

/** A text block of the main conversation in a run's log. */
interface SaidBlock {
  readonly blockId: string;
  /** True when the block is complete. */
  readonly isWhole: boolean;
}

/**
 * Reads the text blocks that earlier attempts of a run have written, in order, without blocks that were abandoned
 * since.
 */
export async function findSaidBlocks(database: Database, runId: string): Promise<SaidBlock[]> {
  const { rows } = await sql<SaidBlock>`
    select data->>'blockId' as "blockId", bool_or(type = 'agent.text' and data->>'isPartial' is null) as "isWhole"
      from longhaul.run_events
     where run_id = ${runId} and type in ('agent.text', 'agent.text.delta', 'agent.text.abandoned')
       and data->>'parentToolUseId' is null
     group by data->>'blockId'
    having not bool_or(type = 'agent.text.abandoned')
     order by min(seq)`.execute(database.sql);
  return rows;
}
