import { keyActor } from '../../audit/actors.ts';
import type { Transaction } from '../../db/database.ts';
import { decideWithin, type Decision } from '../../run/approvals/decide-approval.ts';
import { SEES_ALL } from '../../run/viewer.ts';
import { invalid } from '../error.ts';
import { toCustomResult } from '../log/custom-tools.ts';
import { toRowId } from '../log/event-ids.ts';
import type { ManagedEvent } from '../log/managed-event.ts';
import { findAskedUse } from './find-asked-use.ts';
import type { Sending } from './send-message.ts';

/**
 * Decides on the use of a tool that waits for a confirmation.
 * @throws {ManagedError} when nothing of that id waits for one.
 */
export async function confirm(trx: Transaction, sending: Sending<'user.tool_confirmation'>): Promise<ManagedEvent> {
  const { session, event } = sending;
  const { tool_use_id, result } = event;
  const use = await findAskedUse(trx, { sessionId: session.id, eventId: tool_use_id });
  if (use?.kind === 'custom')
    throw invalid(`tool_use_id: ${tool_use_id} is the use of a custom tool. Send user.custom_tool_result.`);
  const reason = event.deny_message ?? null;
  const status = result === 'allow' ? 'allowed' : 'denied';
  if (use === null || !(await decide(trx, sending, { id: use.id, decision: { status, updatedInput: null, reason } })))
    throw invalid(`tool_use_id: ${tool_use_id} does not wait for a confirmation.`);
  return {
    id: toRowId(use.id),
    type: event.type,
    processed_at: new Date().toISOString(),
    tool_use_id,
    result,
    ...(reason !== null && { deny_message: reason }),
  };
}

/**
 * Gives the use of a custom tool its result.
 * @throws {ManagedError} when nothing of that id waits for one.
 */
export async function takeResult(trx: Transaction, sending: Sending<'user.custom_tool_result'>): Promise<ManagedEvent> {
  const { session, event } = sending;
  const { custom_tool_use_id: useId } = event;
  const result = { content: event.content ?? [], isError: event.is_error ?? false };
  const use = await findAskedUse(trx, { sessionId: session.id, eventId: useId });
  const decision = { status: 'allowed', updatedInput: null, reason: null, result } as const;
  if (use?.kind !== 'custom' || !(await decide(trx, sending, { id: use.id, decision })))
    throw invalid(`custom_tool_use_id: ${useId} does not wait for a result.`);
  return toCustomResult({ approvalId: use.id, useId, at: new Date().toISOString(), result });
}

/** Returns false when the use does not wait any more. */
async function decide(
  trx: Transaction,
  { deps, caller }: Pick<Sending<'user.interrupt'>, 'deps' | 'caller'>,
  { id, decision }: { id: string; decision: Decision },
): Promise<boolean> {
  const options = { id, viewer: SEES_ALL, actor: keyActor(caller), decision };
  return (await decideWithin(trx, { deps: { queue: deps.queue }, ...options }))?.outcome === 'decided';
}
