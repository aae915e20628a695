import type { Selectable } from 'kysely';
import type { ApprovalKind, ApprovalStatus } from '../../core/approvals.ts';
import type { NewEvent } from '../../core/events.ts';
import { maskSecrets, maskSecretsIn } from '../../core/mask-secrets.ts';
import type { ApprovalsTable } from '../../db/tables/approvals.ts';

/** A tool use, or a question of the agent, that waits or waited for a person; or the use of a tool that the client runs. */
export interface Approval {
  readonly id: string;
  readonly runId: string;
  readonly sessionId: string;
  readonly user: string | null;
  readonly team: string | null;
  readonly agent: string;
  readonly attempt: number;
  readonly kind: ApprovalKind;
  readonly tool: { readonly name: string; readonly input: unknown; readonly useId: string };
  readonly subagent: string | null;
  readonly status: ApprovalStatus;
  /** The input that replaces the tool's own; for a question, the answers. */
  readonly updatedInput: Readonly<Record<string, unknown>> | null;
  readonly reason: string | null;
  readonly decidedBy: string | null;
  readonly requestedAt: Date;
  readonly expiresAt: Date;
  readonly decidedAt: Date | null;
  /** Time at which an attempt used the decision: it ran the tool, or gave the model the reason for the denial. */
  readonly takenUpAt: Date | null;
}

/** Converts a row of `longhaul.approvals` to an approval. No other function does. */
export function toApproval(row: Selectable<ApprovalsTable>): Approval {
  return {
    id: row.id,
    runId: row.run_id,
    sessionId: row.session_id,
    user: row.user_id,
    team: row.team,
    agent: row.agent,
    attempt: row.attempt,
    kind: row.kind,
    tool: { name: row.tool, input: row.input, useId: row.tool_use_id },
    subagent: row.subagent,
    status: row.status,
    updatedInput: row.updated_input as Approval['updatedInput'],
    reason: row.reason,
    decidedBy: row.decided_by,
    requestedAt: row.requested_at,
    expiresAt: row.expires_at,
    decidedAt: row.decided_at,
    takenUpAt: row.consumed_at,
  };
}

export function toRequestedEvent({ id, kind, tool, expiresAt }: Approval): NewEvent {
  return {
    type: 'approval.requested',
    data: {
      approvalId: id,
      kind,
      tool: { name: tool.name, input: tool.input, toolUseId: tool.useId },
      expiresAt: expiresAt.toISOString(),
    },
  };
}

/** Makes the event of an allowed approval whose run ended without using it. */
export function toUnusedEvent({ id, tool }: Approval): NewEvent {
  return { type: 'approval.unused', data: { approvalId: id, tool: { name: tool.name, toolUseId: tool.useId } } };
}

const DECISIONS = { allowed: 'allow', denied: 'deny', expired: 'expired', cancelled: 'cancelled' } as const;

/** Makes the event of an approval that is no longer pending. Text entered by a person is masked, as in every event. */
export function toResolvedEvent({ id, status, reason, updatedInput, decidedBy }: Approval): NewEvent {
  return {
    type: 'approval.resolved',
    data: {
      approvalId: id,
      decision: DECISIONS[status === 'pending' ? 'cancelled' : status],
      ...(reason !== null && { reason: maskSecrets(reason) }),
      ...(updatedInput !== null && { updatedInput: maskSecretsIn(updatedInput) }),
      ...(decidedBy !== null && { decidedBy }),
    },
  };
}
