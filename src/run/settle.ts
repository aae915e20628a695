import { sql, type Selectable } from 'kysely';
import { SYSTEM_ACTOR, workerActor } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import { toUsd } from '../core/money.ts';
import { toStorable } from '../core/text.ts';
import type { RunErrorCode } from '../core/errors.ts';
import type { AttemptEnd } from '../core/states.ts';
import type { Transaction } from '../db/database.ts';
import type { RunsTable } from '../db/tables.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import { appendEvents, type Lease } from './append-events.ts';
import { spendBudget } from './budget.ts';
import { releaseHeld } from './concurrency.ts';
import { closeApprovals } from './close-approvals.ts';
import {
  awaitApproval,
  conclude,
  isOver,
  toColumns,
  toEvent,
  type AttemptOutcome,
  type Conclusion,
} from './conclude.ts';
import { postLedger } from './ledger.ts';
import { promoteMessages } from './messages.ts';
import { noteWebhooks } from './note-webhooks.ts';
import { wakeNext } from './park.ts';
import { toMessage } from './place-in-line.ts';
import type { RunDeps } from './rules.ts';
import { toRun, type Run } from './run.ts';
import { releaseNextInSession } from './session-gate.ts';
import { releaseSession } from './sessions.ts';
import { addModels, chooseSpending, toSound, totalUsage, type Spending } from './spending.ts';

/** Everything an attempt leaves behind when it ends. */
export interface Settlement {
  readonly outcome: AttemptOutcome;
  readonly turns: number;
  readonly durationMs: number;
  readonly toolUses: Readonly<Record<string, number>>;
  readonly metered: Spending;
  /** What the Agent SDK said; null when the process ended without saying. */
  readonly reported: Spending | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;
  readonly claudeCodeVersion: string | null;
  /** The most its processes held together; null when it was not measured. */
  readonly peakMemoryBytes: number | null;
  /** How long the provider asked to wait before it is called again, or null. */
  readonly retryAfterSeconds: number | null;
}

/** A run as the end of its attempt leaves it, and what that end made of it. */
export interface Settled {
  readonly run: Run;
  readonly conclusion: Conclusion;
}

/**
 * Ends an attempt: run, attempt, ledger entry, final event and queue message in one transaction, so that a
 * crash leaves either all of it or a lease that runs out. Returns the run as it then stands, or null, with
 * nothing written, when the lease was no longer the caller's: then another has settled or will.
 */
export async function settleAttempt(
  deps: RunDeps,
  { lease, settlement }: { lease: Lease; settlement: Settlement },
): Promise<Settled | null> {
  const settle = async (trx: Transaction) => {
    const row = await trx
      .selectFrom('longhaul.runs')
      .selectAll()
      .where('id', '=', lease.runId)
      .where('fence', '=', lease.fence)
      .where('status', '=', 'running')
      .forUpdate()
      .executeTakeFirst();
    return row === undefined ? null : closeAttempt({ trx, deps, row, settlement });
  };
  const settled = await retryDeadlock(() => deps.database.sql.transaction().execute(settle));
  if (settled !== null) await afterAttempt(deps, settled);
  return settled;
}

/** What the end of an attempt that is written makes room for. Never rejects: the end stands. */
export async function afterAttempt(deps: RunDeps, { run, conclusion }: Settled): Promise<void> {
  if (isOver(conclusion)) await wakeNext(deps, run).catch(() => {});
}

/** Settles a running run whose row the caller has locked in `trx`. */
export async function closeAttempt(options: {
  trx: Transaction;
  deps: Pick<RunDeps, 'queue' | 'rules'>;
  row: Selectable<RunsTable>;
  settlement: Settlement;
}): Promise<Settled> {
  const { trx, row } = options;
  const { queue, rules } = options.deps;
  const settlement = toSoundSettlement(options.settlement);
  const { outcome, retryAfterSeconds } = settlement;
  const spending = chooseSpending(settlement.metered, settlement.reported, rules.prices);
  const attempt = await closeAttemptRow(trx, { row, settlement });
  const judged = conclude({ row, outcome, now: attempt.now, retryAfterSeconds, random: Math.random() });
  const approvals = await closeApprovals(trx, { runId: row.id, isOver: isOver(judged) });
  const conclusion = awaitApproval(judged, approvals.waitsUntil);
  const end = toAttemptEnd(outcome.status, conclusion);
  if (end !== outcome.status) await noteAttemptEnd(trx, { attemptId: attempt.id, end });
  const usage = totalUsage(spending);
  const tokens = {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_creation_tokens: usage.cacheCreationTokens,
  };
  const costMicros = row.cost_micros + spending.costMicros;
  const durationMs = (row.duration_ms ?? 0) + settlement.durationMs;
  const turns = row.turns + settlement.turns;
  await appendEvents(trx, {
    runId: row.id,
    attempt: row.attempt,
    events: [
      ...approvals.events,
      toEvent(conclusion, { agent: row.agent, costUsd: toUsd(costMicros), turns, durationMs, now: attempt.now }),
    ],
  });
  const settled = await trx
    .updateTable('longhaul.runs')
    .set((run) => ({
      ...toColumns(conclusion, row),
      ...(isStoppedByMoney(conclusion) && { result: sql<string | null>`${saidSoFar(row.id)}` }),
      lease_worker_id: null,
      lease_expires_at: null,
      cost_micros: costMicros,
      input_tokens: run('input_tokens', '+', tokens.input_tokens),
      output_tokens: run('output_tokens', '+', tokens.output_tokens),
      cache_read_tokens: run('cache_read_tokens', '+', tokens.cache_read_tokens),
      cache_creation_tokens: run('cache_creation_tokens', '+', tokens.cache_creation_tokens),
      model_usage: JSON.stringify(addModels(row.model_usage as Spending['models'], spending.models)),
      tool_uses: JSON.stringify(addCounts(row.tool_uses as Record<string, number>, settlement.toolUses)),
      turns,
      duration_ms: durationMs,
    }))
    .where('id', '=', row.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  if (isOver(conclusion)) await auditEnd(trx, { row: settled, workerId: row.lease_worker_id });
  await noteWebhooks(trx, settled);
  await releaseSession(trx, { sessionId: row.session_id, runId: row.id });
  const startAfter = toNextStart(conclusion, attempt.now);
  if (isOver(conclusion) || conclusion.status === 'awaits_approval')
    await queue.remove(trx, { runId: row.id, queue: row.queue });
  else await queue.requeue(trx, toMessage(row, startAfter));
  await releaseHeld(trx, { queue, row });
  if (isOver(conclusion)) await releaseNextInSession(trx, { queue, sessionId: row.session_id });
  // Last, because all share the total, and hold it until they commit.
  const { metered, reported, durationMs: tookMs } = settlement;
  const booking = {
    row,
    attemptId: attempt.id,
    outcome: end,
    conclusion,
    metered,
    reported,
    durationMs: tookMs,
  };
  await postLedger(trx, booking, rules);
  const booked = { spentMicros: spending.costMicros, isOver: isOver(conclusion) };
  await spendBudget(trx, { runId: row.id, ...booked, rules });
  if (isOver(conclusion)) await promoteMessages(trx, { deps: { queue, rules }, runId: row.id });
  return { run: toRun(settled), conclusion };
}

/** Enters a run's end in the audit record: how it ended, what it cost, and what came of it. */
async function auditEnd(
  trx: Transaction,
  { row, workerId }: { row: Selectable<RunsTable>; workerId: string | null },
): Promise<void> {
  const { status, agent, user_id: user, team, attempt, turns, result } = row;
  await recordAudit(trx, {
    actor: workerId === null ? SYSTEM_ACTOR : workerActor(workerId),
    action: status === 'succeeded' ? 'run.succeeded' : status === 'cancelled' ? 'run.cancelled' : 'run.failed',
    subject: row.id,
    data: {
      agent,
      user,
      team,
      attempt,
      costUsd: toUsd(row.cost_micros),
      turns,
      durationMs: row.duration_ms,
      toolUses: row.tool_uses,
      result,
      ...(row.error_code !== null && { error: { code: row.error_code, detail: row.error_detail } }),
    },
  });
}

/** When a run that goes on is looked at next; null: at once. */
function toNextStart(conclusion: Conclusion, now: Date): Date | null {
  const delaySeconds = 'delaySeconds' in conclusion ? conclusion.delaySeconds : 0;
  return delaySeconds > 0 ? new Date(now.getTime() + delaySeconds * 1_000) : null;
}

/** Ended by a limit on what may be used: what it had said by then was paid for, and is kept. */
function isStoppedByMoney(conclusion: Conclusion): boolean {
  return conclusion.status === 'failed' && KEEPS_TEXT.has(conclusion.code);
}

const KEEPS_TEXT: ReadonlySet<RunErrorCode> = new Set([
  'max_budget',
  'max_turns',
  'user_budget',
  'team_budget',
  'global_budget',
]);

/** The text of the run's own conversation, all of its attempts; null when it has said nothing. */
function saidSoFar(runId: string) {
  return sql`(select string_agg(data->>'text', E'\n\n' order by seq) from longhaul.run_events
    where run_id = ${runId} and type = 'agent.text' and data->>'parentToolUseId' is null)`;
}

function toSoundSettlement(settlement: Settlement): Settlement {
  return {
    ...settlement,
    metered: toSound(settlement.metered),
    reported: settlement.reported && toSound(settlement.reported),
  };
}

async function closeAttemptRow(trx: Transaction, options: { row: Selectable<RunsTable>; settlement: Settlement }) {
  const { row, settlement } = options;
  const { outcome } = settlement;
  return trx
    .updateTable('longhaul.attempts')
    .set({
      finished_at: sql<Date>`now()`,
      outcome: outcome.status,
      ...(outcome.status === 'failed' && { error_code: outcome.code, error_detail: toStorable(outcome.detail) }),
      ...(outcome.status === 'handed_back' &&
        outcome.detail !== undefined && { error_detail: toStorable(outcome.detail) }),
      exit_code: settlement.exitCode,
      signal: settlement.signal,
      stderr_tail: toStorable(settlement.stderrTail),
      claude_code_version: settlement.claudeCodeVersion,
      metered: JSON.stringify(settlement.metered.models),
      metered_cost_micros: settlement.metered.costMicros,
      reported: settlement.reported && JSON.stringify(settlement.reported.models),
      reported_cost_micros: settlement.reported?.costMicros ?? null,
      peak_memory_bytes: settlement.peakMemoryBytes,
    })
    .where('run_id', '=', row.id)
    .where('number', '=', row.attempt)
    .returning(['id', sql<Date>`clock_timestamp()`.as('now')])
    .executeTakeFirstOrThrow();
}

/** What is said of an attempt: one that was given up so that its run waits for a person was not handed back. */
function toAttemptEnd(status: AttemptOutcome['status'], conclusion: Conclusion): AttemptEnd {
  return status === 'handed_back' && conclusion.status === 'awaits_approval' ? 'waiting' : status;
}

async function noteAttemptEnd(trx: Transaction, { attemptId, end }: { attemptId: string; end: AttemptEnd }) {
  await trx.updateTable('longhaul.attempts').set({ outcome: end }).where('id', '=', attemptId).execute();
}

function addCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sum = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (Object.hasOwn(sum, name) ? (sum[name] ?? 0) : 0) + count;
  return sum;
}
