import { sql } from 'kysely';
import type { ApprovalKind } from '../../core/approvals.ts';
import { createId } from '../../core/ids.ts';
import type { Database } from '../../db/database.ts';
import type { Lease } from '../log/append-events.ts';
import { toApproval, type Approval } from './approval.ts';

interface ApprovalRequest {
  readonly lease: Lease;
  readonly toolUseId: string;
  readonly kind: ApprovalKind;
  readonly tool: string;
  /** Masked: people see it. */
  readonly input: unknown;
  /** Hash of the unmasked input. */
  readonly inputHash: string;
  /** The unmasked input of a tool that the client runs; null for any other approval. */
  readonly customInput: unknown;
  readonly subagent: string | null;
  readonly expireSeconds: number;
}

/**
 * Makes a tool use of a running run wait for a person. Returns the pending approval, or null when the caller no longer
 * holds the lease. May be repeated: a tool use has one approval.
 */
export async function requestApproval(database: Database, request: ApprovalRequest): Promise<Approval | null> {
  const { lease, toolUseId, kind, tool, input, inputHash, customInput, subagent, expireSeconds } = request;
  const { rows } = await sql<Parameters<typeof toApproval>[0]>`
    with requested as (
      insert into longhaul.approvals as approval
             (id, run_id, session_id, user_id, team, tenant, agent, attempt, tool_use_id, kind, tool, input, input_hash, subagent, expires_at)
      select ${createId()}, id, session_id, user_id, team, tenant, agent, attempt, ${toolUseId}, ${kind}, ${tool},
             ${JSON.stringify(input)}::json, ${inputHash}, ${subagent}, now() + ${expireSeconds} * interval '1 second'
        from longhaul.runs where id = ${lease.runId} and fence = ${lease.fence} and status = 'running'
      on conflict (run_id, tool_use_id) do update set tool_use_id = approval.tool_use_id
      returning *),
    kept as (
      insert into longhaul.custom_tool_uses (approval_id, input)
      select id, ${JSON.stringify(customInput)}::json from requested where kind = 'custom'
      on conflict do nothing)
    select * from requested`.execute(database.sql);
  return rows[0] === undefined ? null : toApproval(rows[0]);
}

/** An approval as its run's worker sees it. */
export interface KnownApproval extends Approval {
  /** True when the decision has been used. */
  readonly isConsumed: boolean;
  readonly isRequestedTold: boolean;
  readonly isResolvedTold: boolean;
}

/**
 * Finds the approval of a tool use by its id or, when the model repeats a tool use that an earlier attempt has
 * deferred, by its tool and input. Null: no approval was requested.
 */
export async function findApproval(
  database: Database,
  use: { runId: string; attempt: number; toolUseId: string; tool: string; inputHash: string },
): Promise<KnownApproval | null> {
  const row = await database.sql
    .selectFrom('longhaul.approvals')
    .selectAll()
    .where('run_id', '=', use.runId)
    .where((approval) =>
      approval.or([
        approval('tool_use_id', '=', use.toolUseId),
        approval.and([
          approval('tool', '=', use.tool),
          approval('input_hash', '=', use.inputHash),
          approval('attempt', '<', use.attempt),
          approval('consumed_at', 'is', null),
        ]),
      ]),
    )
    .orderBy(sql`tool_use_id = ${use.toolUseId}`, 'desc')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : toKnown(row);
}

/** Reads a run's approvals that have not been used, in the order in which they were requested. */
export async function listUnconsumed(database: Database, runId: string): Promise<KnownApproval[]> {
  const rows = await database.sql
    .selectFrom('longhaul.approvals')
    .selectAll()
    .where('run_id', '=', runId)
    .where('consumed_at', 'is', null)
    .orderBy('id')
    .execute();
  return rows.map(toKnown);
}

/**
 * Uses a decision: what it allows may be done now, and never again. Returns false when it was used before, or when the
 * caller no longer holds the lease. May be repeated for the same tool use of the same attempt.
 */
export async function consumeApproval(
  database: Database,
  { id, lease, attempt, toolUseId }: { id: string; lease: Lease; attempt: number; toolUseId: string },
): Promise<boolean> {
  const taker = `${attempt}:${toolUseId}`;
  const { rows } = await sql`
    update longhaul.approvals as approval set consumed_at = coalesce(consumed_at, now()), consumed_by = ${taker}
      from longhaul.runs as run
     where approval.id = ${id} and approval.status in ('allowed', 'denied', 'expired')
       and (approval.consumed_at is null or approval.consumed_by = ${taker})
       and run.id = approval.run_id and run.fence = ${lease.fence} and run.status = 'running'
       and run.cancel_requested_at is null
    returning approval.id`.execute(database.sql);
  return rows.length > 0;
}

function toKnown(row: Parameters<typeof toApproval>[0]): KnownApproval {
  return {
    ...toApproval(row),
    isConsumed: row.consumed_at !== null,
    isRequestedTold: row.is_requested_told,
    isResolvedTold: row.is_resolved_told,
  };
}
