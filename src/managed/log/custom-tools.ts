import type { CustomToolResult } from '../../core/custom-tools.ts';
import type { EventData, RunEvent } from '../../core/events.ts';
import type { Database } from '../../db/database.ts';
import { readCustomToolUses } from '../../run/approvals/custom-tool-uses.ts';
import { toManagedTool } from '../tool-names.ts';
import { toRowId } from './event-ids.ts';
import type { LogItem, ManagedEvent } from './managed-event.ts';
import { openSpan, show, toUsePlace, type TurnState } from './turn-state.ts';

/**
 * Reads what the log of a run does not have of the uses of tools that the client runs: inputs and results. Call it before
 * the events are mapped.
 */
export async function readCustomUses(database: Database, state: TurnState, events: readonly RunEvent[]): Promise<void> {
  const { customUses } = state;
  const requested = events.flatMap(({ type, data }) =>
    type === 'approval.requested' && data.kind === 'custom' ? [data.approvalId] : [],
  );
  const resolved = events.flatMap(({ type, data }) =>
    type === 'approval.resolved' && customUses.has(data.approvalId) ? [data.approvalId] : [],
  );
  for (const [id, use] of await readCustomToolUses(database, [...requested, ...resolved])) customUses.set(id, use);
}

/**
 * Shows the use of a tool that the client runs. It is shown when its result is asked for, not before: from then on the
 * client can send it. A use that the model makes again is not asked for again, and so not shown again.
 */
export function showCustomUse(
  state: TurnState,
  event: RunEvent & { readonly data: EventData['approval.requested'] },
): LogItem[] {
  const { approvalId, tool } = event.data;
  const fields = {
    name: toManagedTool(tool.name).name,
    input: state.customUses.get(approvalId)?.input ?? tool.input ?? {},
    session_thread_id: null,
  };
  return [
    // The hook of the use may run before its message is read: then the model request is still in progress.
    ...(state.customIds.has(tool.toolUseId) ? [] : openSpan(state, event)),
    show(state, { from: event, type: 'agent.custom_tool_use', place: toUsePlace(tool.toolUseId), fields }),
  ];
}

/** Makes the result of a use from the decision on it. A use that has ended without a result has an error instead. */
export function toDecidedResult(
  state: TurnState,
  { useId, event }: { useId: string; event: RunEvent & { readonly data: EventData['approval.resolved'] } },
): ManagedEvent {
  const { approvalId, decision } = event.data;
  const kept = decision === 'allow' ? state.customUses.get(approvalId)?.result : null;
  const result = kept ?? toMissing(decision);
  return toCustomResult({ approvalId, useId, at: event.at, result });
}

function toMissing(decision: EventData['approval.resolved']['decision']): CustomToolResult {
  const text =
    decision === 'cancelled' ? 'Tool execution was interrupted before completion.' : 'No result has come in time.';
  return { content: [{ type: 'text', text }], isError: true };
}

interface ShownResult {
  readonly approvalId: string;
  /** The id of the event of the use. */
  readonly useId: string;
  readonly at: string;
  readonly result: CustomToolResult;
}

/** Makes the event of a client's result. */
export function toCustomResult({ approvalId, useId, at, result }: ShownResult): ManagedEvent {
  return {
    id: toRowId(approvalId),
    type: 'user.custom_tool_result',
    processed_at: at,
    custom_tool_use_id: useId,
    content: result.content,
    is_error: result.isError,
  };
}
