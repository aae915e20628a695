import type { Database } from '../../db/database.ts';
import type { Lease } from '../log/append-events.ts';

/** The extent of a session's transcript: equal marks mean that nothing was written in between. */
export interface TranscriptMark {
  /** Claude Code's id of the conversation. */
  readonly claudeSessionId: string;
  /** Number of entries that were ever written, including entries that are deleted by now. */
  readonly entryCount: number;
}

/**
 * Reads the mark of a session that `holder` has: nobody else can write to it. Returns null when `holder` has it no
 * more, when nothing is written yet, or when `afterRunId` is given and has not succeeded.
 */
export async function findTranscriptMark(
  database: Database,
  { sessionId, holder, afterRunId }: { sessionId: string; holder: Lease; afterRunId?: string },
): Promise<TranscriptMark | null> {
  const row = await database.sql
    .selectFrom('longhaul.sessions as session')
    .select(['claude_session_id', 'entry_count'])
    .where('id', '=', sessionId)
    .where('holder_run_id', '=', holder.runId)
    .where('holder_fence', '=', holder.fence)
    .$if(afterRunId !== undefined, (session) =>
      session.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('longhaul.runs as earlier')
            .select('id')
            .where('id', '=', afterRunId ?? '')
            .where('status', '=', 'succeeded'),
        ),
      ),
    )
    .executeTakeFirst();
  if (row === undefined || row.claude_session_id === null) return null;
  return { claudeSessionId: row.claude_session_id, entryCount: row.entry_count };
}
