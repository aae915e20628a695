import { sql, type Selectable } from 'kysely';
import { toUsd } from '../core/money.ts';
import { toStorable } from '../core/text.ts';
import type { Database, Transaction } from '../db/database.ts';
import type { RunsTable } from '../db/tables.ts';
import type { Queue } from '../queue/queue.ts';
import { appendEvents, type Lease } from './append-events.ts';
import { conclude, toColumns, toEvent, type AttemptOutcome, type Conclusion } from './conclude.ts';
import { toRun, type Run } from './run.ts';
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
  deps: { database: Database; queue: Queue },
  { lease, settlement }: { lease: Lease; settlement: Settlement },
): Promise<Settled | null> {
  return deps.database.sql.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('longhaul.runs')
      .selectAll()
      .where('id', '=', lease.runId)
      .where('fence', '=', lease.fence)
      .where('status', '=', 'running')
      .forUpdate()
      .executeTakeFirst();
    return row === undefined ? null : closeAttempt({ trx, queue: deps.queue, row, settlement });
  });
}

/** Settles a running run whose row the caller has locked in `trx`. */
export async function closeAttempt(options: {
  trx: Transaction;
  queue: Queue;
  row: Selectable<RunsTable>;
  settlement: Settlement;
}): Promise<Settled> {
  const { trx, queue, row } = options;
  const settlement = toSoundSettlement(options.settlement);
  const { outcome, retryAfterSeconds } = settlement;
  const spending = chooseSpending(settlement.metered, settlement.reported);
  const attempt = await closeAttemptRow(trx, { row, settlement });
  const conclusion = conclude({ row, outcome, now: attempt.now, retryAfterSeconds, random: Math.random() });
  const usage = totalUsage(spending);
  const tokens = {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_creation_tokens: usage.cacheCreationTokens,
  };
  await trx
    .insertInto('longhaul.ledger')
    .values({
      attempt_id: attempt.id,
      run_id: row.id,
      attempt: row.attempt,
      agent: row.agent,
      user_id: row.user_id,
      outcome: outcome.status,
      models: JSON.stringify(spending.models),
      ...tokens,
      cost_micros: spending.costMicros,
      duration_ms: settlement.durationMs,
    })
    .execute();

  const costMicros = row.cost_micros + spending.costMicros;
  const durationMs = (row.duration_ms ?? 0) + settlement.durationMs;
  const turns = row.turns + settlement.turns;
  await appendEvents(trx, {
    runId: row.id,
    attempt: row.attempt,
    events: [toEvent(conclusion, { agent: row.agent, costUsd: toUsd(costMicros), turns, durationMs })],
  });
  const settled = await trx
    .updateTable('longhaul.runs')
    .set((run) => ({
      ...toColumns(conclusion, row.max_attempts),
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
  await releaseSession(trx, { sessionId: row.session_id, runId: row.id });
  const message = { runId: row.id, queue: row.queue, priority: row.priority };
  if (conclusion.status === 'handed_back') {
    await queue.requeue(trx, { ...message, startAfter: null });
  } else if (conclusion.status === 'retried') {
    const { delaySeconds } = conclusion;
    const startAfter = delaySeconds > 0 ? new Date(attempt.now.getTime() + delaySeconds * 1_000) : null;
    await queue.requeue(trx, { ...message, startAfter });
  } else {
    await queue.remove(trx, message);
  }
  return { run: toRun(settled), conclusion };
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

function addCounts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const sum = { ...a };
  for (const [name, count] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}
