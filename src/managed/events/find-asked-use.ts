import { sql } from 'kysely';
import type { Transaction } from '../../db/database.ts';
import { readEventId, toPlaceId } from '../log/event-ids.ts';

/** Finds the approval that the event of a tool use waits for; null when it is no such event of the session. */
export async function findAskedUse(
  trx: Transaction,
  { sessionId, eventId }: { sessionId: string; eventId: string },
): Promise<string | null> {
  const read = readEventId(eventId);
  if (read === null || !('turn' in read)) return null;
  const { turn } = read;
  const { rows } = await sql<{ id: string; runId: string; toolUseId: string }>`
    select approval.id, run.id as "runId", approval.tool_use_id as "toolUseId"
      from longhaul.approvals as approval join longhaul.runs as run on run.id = approval.run_id
     where run.session_id = ${sessionId} and run.session_turn = ${turn}`.execute(trx);
  const asked = rows.find(({ runId, toolUseId }) => toPlaceId({ turn, runId }, `use ${toolUseId}`) === eventId);
  return asked?.id ?? null;
}
