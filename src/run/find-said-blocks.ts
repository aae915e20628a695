import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** A block of text of the main conversation that a run's log has. */
interface SaidBlock {
  readonly blockId: string;
  /** Whether it came to its end. */
  readonly isWhole: boolean;
}

/** The blocks of text that earlier attempts of a run have told, in order, but for those that were given up since. */
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
