import { sql } from 'kysely';
import type { ApprovalKind } from '../../core/approvals.ts';
import type { Transaction } from '../../db/database.ts';
import { readEventId, toPlaceId } from '../log/event-ids.ts';
import { toUsePlace } from '../log/turn-state.ts';

/** A tool use that waits or waited for the client. */
export interface AskedUse {
  /** The id of its approval. */
  readonly id: string;
  /** `custom`: it waits for the client's result; any other: for a confirmation. */
  readonly kind: ApprovalKind;
}

/** Finds the tool use whose event has this id; null when it is no such event of the session, or did not wait. */
export async function findAskedUse(
  trx: Transaction,
  { sessionId, eventId }: { sessionId: string; eventId: string },
): Promise<AskedUse | null> {
  const read = readEventId(eventId);
  if (read === null || !('turn' in read)) return null;
  const { turn } = read;
  const { rows } = await sql<AskedUse & { runId: string; toolUseId: string }>`
    select approval.id, approval.kind, run.id as "runId", approval.tool_use_id as "toolUseId"
      from longhaul.approvals as approval join longhaul.runs as run on run.id = approval.run_id
     where run.session_id = ${sessionId} and run.session_turn = ${turn}`.execute(trx);
  return rows.find(({ runId, toolUseId }) => toPlaceId({ turn, runId }, toUsePlace(toolUseId)) === eventId) ?? null;
}
