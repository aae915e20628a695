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
  /** The tool use that has used the decision, by Claude Code's id; null when none has. */
  readonly takenUpBy: string | null;
  readonly isRequestedTold: boolean;
  readonly isResolvedTold: boolean;
}

/**
 * SQL: true for the use of a tool that the client runs whose result an earlier attempt took up, but the model never got:
 * the attempt was cut off. Such a tool does nothing here, so the result may be given again.
 */
function isLostResult(attempt: number) {
  return sql<boolean>`(
    approvals.kind = 'custom' and approvals.status = 'allowed'
    and split_part(approvals.consumed_by, ':', 1)::int < ${attempt} and not exists (
      select from longhaul.run_events as result
       where result.run_id = approvals.run_id and result.type = 'agent.tool_result'
         and result.data->>'toolUseId' = substr(approvals.consumed_by, strpos(approvals.consumed_by, ':') + 1)
         and result.data->>'isUnfinished' is null))`;
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
          approval.or([approval('consumed_at', 'is', null), isLostResult(use.attempt)]),
        ]),
      ]),
    )
    .orderBy(sql`tool_use_id = ${use.toolUseId}`, 'desc')
    .orderBy('id')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : toKnown(row);
}

/**
 * Reads a run's approvals that have not been used, or not to any effect, in the order in which they were requested.
 * `attempt`: the attempt in progress.
 */
export async function listUnconsumed(
  database: Database,
  { runId, attempt }: { runId: string; attempt: number },
): Promise<KnownApproval[]> {
  const rows = await database.sql
    .selectFrom('longhaul.approvals')
    .selectAll()
    .where('run_id', '=', runId)
    .where((approval) => approval.or([approval('consumed_at', 'is', null), isLostResult(attempt)]))
    .orderBy('id')
    .execute();
  return rows.map(toKnown);
}

/**
 * Uses a decision: what it allows may be done now, and never again. Returns false when it was used before, or when the
 * caller no longer holds the lease. May be repeated for the same tool use of the same attempt, and for a result that the
 * model never got.
 */
export async function consumeApproval(
  database: Database,
  { id, lease, attempt, toolUseId }: { id: string; lease: Lease; attempt: number; toolUseId: string },
): Promise<boolean> {
  const taker = `${attempt}:${toolUseId}`;
  const { rows } = await sql`
    update longhaul.approvals as approvals set consumed_at = coalesce(consumed_at, now()), consumed_by = ${taker}
      from longhaul.runs as run
     where approvals.id = ${id} and approvals.status in ('allowed', 'denied', 'expired')
       and (approvals.consumed_at is null or approvals.consumed_by = ${taker} or ${isLostResult(attempt)})
       and run.id = approvals.run_id and run.fence = ${lease.fence} and run.status = 'running'
       and run.cancel_requested_at is null
    returning approvals.id`.execute(database.sql);
  return rows.length > 0;
}

function toKnown(row: Parameters<typeof toApproval>[0]): KnownApproval {
  return {
    ...toApproval(row),
    takenUpBy: row.consumed_by?.replace(/^\d+:/, '') ?? null,
    isRequestedTold: row.is_requested_told,
    isResolvedTold: row.is_resolved_told,
  };
}
