import { sql } from 'kysely';
import type { ApprovalKind } from '../core/approvals.ts';
import { createId } from '../core/ids.ts';
import type { Database } from '../db/database.ts';
import type { Lease } from './append-events.ts';
import { toApproval, type Approval } from './approval.ts';

interface ApprovalRequest {
  readonly lease: Lease;
  readonly toolUseId: string;
  readonly kind: ApprovalKind;
  readonly tool: string;
  /** Masked: for people to see. */
  readonly input: unknown;
  /** Of what it is really asked. */
  readonly inputHash: string;
  readonly subagent: string | null;
  readonly expireSeconds: number;
}

/**
 * Has a tool use of a running run wait for a person; returns what waits, or null when the lease is not the caller's any
 * more. May be repeated: a tool use waits once.
 */
export async function requestApproval(database: Database, request: ApprovalRequest): Promise<Approval | null> {
  const { lease, toolUseId, kind, tool, input, inputHash, subagent, expireSeconds } = request;
  const { rows } = await sql<Parameters<typeof toApproval>[0]>`
    insert into longhaul.approvals as approval
           (id, run_id, session_id, user_id, team, tenant, agent, attempt, tool_use_id, kind, tool, input, input_hash, subagent, expires_at)
    select ${createId()}, id, session_id, user_id, team, tenant, agent, attempt, ${toolUseId}, ${kind}, ${tool},
           ${JSON.stringify(input)}::json, ${inputHash}, ${subagent}, now() + ${expireSeconds} * interval '1 second'
      from longhaul.runs where id = ${lease.runId} and fence = ${lease.fence} and status = 'running'
    on conflict (run_id, tool_use_id) do update set tool_use_id = approval.tool_use_id
    returning *`.execute(database.sql);
  return rows[0] === undefined ? null : toApproval(rows[0]);
}

/** An approval as its run's worker sees it. */
export interface KnownApproval extends Approval {
  /** Whether its decision has been taken up. */
  readonly isConsumed: boolean;
  readonly isRequestedTold: boolean;
  readonly isResolvedTold: boolean;
}

/**
 * What is known of a tool use: by its id, or, when the model makes one anew that an earlier attempt has put off, by what
 * it does. Null: nobody was asked.
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

/** Those of a run that nobody has taken up, in the order they were asked for. */
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
 * Takes a decision up: what it allows may be done now, and never again. False when it was taken up before, or the lease is
 * not the caller's any more. May be repeated for the same tool use of the same attempt.
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
