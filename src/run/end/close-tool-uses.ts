import { sql } from 'kysely';
import type { NewEvent } from '../../core/events.ts';
import type { Transaction } from '../../db/database.ts';

interface OpenToolUse {
  readonly toolUseId: string;
  readonly parentToolUseId: string | null;
  /** The decision on the tool use, or null when it needed no approval. */
  readonly decision: 'pending' | 'allowed' | 'denied' | 'expired' | 'cancelled' | null;
  /** True when the decision was used, by this tool use or by the same one made again. */
  readonly isTakenUp: boolean;
  readonly isTakenUpByOther: boolean;
}

/**
 * Makes a result for each tool use of a run that has none when an attempt ends, so that no reader waits for it: the
 * process was ended, or died, while the tool was running. With `isOver`, also for deferred tool uses, which until then
 * wait for a person. The caller writes these events in the transaction that ends the attempt.
 */
export async function closeToolUses(
  trx: Transaction,
  { runId, isOver }: { runId: string; isOver: boolean },
): Promise<NewEvent[]> {
  const { rows } = await sql<OpenToolUse>`
    select used.data->>'toolUseId' as "toolUseId", used.data->>'parentToolUseId' as "parentToolUseId",
           approval.status as decision, approval.consumed_at is not null as "isTakenUp",
           coalesce(approval.consumed_by <> approval.attempt || ':' || approval.tool_use_id, false) as "isTakenUpByOther"
      from longhaul.run_events as used
      left join longhaul.approvals as approval
             on approval.run_id = used.run_id and approval.tool_use_id = used.data->>'toolUseId'
     where used.run_id = ${runId} and used.type = 'agent.tool_use'
       and not exists (select from longhaul.run_events as result
                        where result.run_id = ${runId} and result.type = 'agent.tool_result' and result.seq > used.seq
                          and result.data->>'toolUseId' = used.data->>'toolUseId')
     order by used.seq`.execute(trx);
  return rows
    .filter(({ decision, isTakenUp }) => isOver || decision === null || isTakenUp)
    .map((use) => ({
      type: 'agent.tool_result',
      data: {
        toolUseId: use.toolUseId,
        isError: true,
        content: describe(use),
        isUnfinished: true,
        ...(use.parentToolUseId !== null && { parentToolUseId: use.parentToolUseId }),
      },
    }));
}

function describe({ decision, isTakenUp, isTakenUpByOther }: OpenToolUse): string {
  if (isTakenUpByOther)
    return 'The tool use was deferred until a person decided. The agent has made the same use again since.';
  if (decision === null || isTakenUp) {
    return 'The attempt ended before the tool gave a result. Its outcome is unknown: it may have taken effect.';
  }
  if (decision === 'allowed')
    return 'The tool use was allowed, but the agent did not make it again: the tool was never run.';
  return 'The tool was not run.';
}
