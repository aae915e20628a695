import type { Selectable } from 'kysely';
import { GEN_AI, OPERATIONS } from '../../core/gen-ai.ts';
import { toAttemptContext, toRunSpan, type RunSpan } from '../../core/run-trace.ts';
import { emitSpan, isTracing, toChild } from '../../core/tracing.ts';
import { afterCommit } from '../../db/after-commit.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import { toRun, type Run } from '../run.ts';

/**
 * Emits the spans of a run that ends in `trx`: its own, from its submission to its end, its waits, and the attempts that
 * were lost with their workers. Its other attempts were emitted by their workers. All of it follows from the database, so
 * that nothing is lost while a run waits for days.
 */
export async function traceEnd(trx: Transaction, row: Selectable<RunsTable>): Promise<void> {
  if (!isTracing()) return;
  const run = toRun(row);
  const span = toRunSpan(run);
  if (!span.context.isSampled) return;
  const attempts = await readAttempts(trx, run.id);
  afterCommit(trx, () => {
    emitRun(run, span);
    emitWaits(run, span, attempts);
    for (const attempt of attempts.filter(({ lost_at }) => lost_at !== null)) emitLost(run, attempt);
  });
}

type AttemptRow = Awaited<ReturnType<typeof readAttempts>>[number];

function readAttempts(trx: Transaction, runId: string) {
  return trx
    .selectFrom('longhaul.attempts')
    .select(['id', 'number', 'worker_id', 'started_at', 'finished_at', 'outcome', 'error_code', 'lost_at'])
    .where('run_id', '=', runId)
    .orderBy('number')
    .execute();
}

function emitRun(run: Run, { context, parentSpanId, links }: RunSpan): void {
  const { id, agent, sessionId, status, attempt, turns, costUsd, usage, error, retryOf, scheduleId } = run;
  emitSpan({
    name: `${OPERATIONS.agent} ${agent}`,
    kind: 'internal',
    context,
    parentSpanId,
    links,
    startedAtMs: run.createdAt.getTime(),
    endedAtMs: (run.finishedAt ?? new Date()).getTime(),
    attributes: {
      [GEN_AI.operationName]: OPERATIONS.agent,
      [GEN_AI.agentName]: agent,
      [GEN_AI.conversationId]: sessionId,
      'longhaul.run.id': id,
      'longhaul.run.status': status,
      'longhaul.run.attempts': attempt,
      'longhaul.run.turns': turns,
      'longhaul.run.cost_usd': costUsd,
      'longhaul.run.input_tokens': usage.inputTokens + usage.cacheReadTokens + usage.cacheCreationTokens,
      'longhaul.run.output_tokens': usage.outputTokens,
      'longhaul.run.retry_of': retryOf,
      'longhaul.schedule.id': scheduleId,
    },
    content: () => ({
      [GEN_AI.inputMessages]: toMessages('user', run.prompt),
      [GEN_AI.outputMessages]: run.result === null ? null : toMessages('assistant', run.result),
    }),
    error: status === 'failed' ? (error?.code ?? 'failed') : null,
  });
}

/** The form of messages in the conventions. */
function toMessages(role: string, content: string): string {
  return JSON.stringify([{ role, parts: [{ type: 'text', content }] }]);
}

/** Emits the time before each attempt, and after the last one if the run ended without another. */
function emitWaits(run: Run, span: RunSpan, attempts: readonly AttemptRow[]): void {
  const endedAt = run.finishedAt ?? new Date();
  const waits = [
    { from: run.createdAt, to: attempts[0]?.started_at ?? endedAt, reason: 'submitted' },
    ...attempts.map(({ finished_at, outcome, error_code }, index) => ({
      from: finished_at ?? endedAt,
      to: attempts[index + 1]?.started_at ?? endedAt,
      reason: error_code ?? outcome ?? 'unknown',
    })),
  ];
  for (const { from, to, reason } of waits) {
    if (to <= from) continue;
    emitSpan({
      name: reason === 'waiting' ? 'waiting' : 'queued',
      kind: 'internal',
      context: toChild(span.context),
      parentSpanId: span.context.spanId,
      startedAtMs: from.getTime(),
      endedAtMs: to.getTime(),
      // The attempt before it, whose end is the reason for the wait.
      attributes: { 'longhaul.wait.reason': reason === 'waiting' ? 'approval' : reason },
      error: null,
    });
  }
}

function emitLost(run: Run, { id, number, worker_id, started_at, finished_at }: AttemptRow): void {
  emitSpan({
    name: `attempt ${number}`,
    kind: 'consumer',
    context: toAttemptContext(run, id),
    parentSpanId: toRunSpan(run).context.spanId,
    startedAtMs: started_at.getTime(),
    endedAtMs: (finished_at ?? run.finishedAt ?? started_at).getTime(),
    attributes: { 'longhaul.attempt.number': number, 'longhaul.worker.id': worker_id },
    error: 'worker_lost',
  });
}
