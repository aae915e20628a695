import { createHash } from 'node:crypto';
import { keyActor } from '../audit/actors.ts';
import { recordAuditMany, type AuditRecord } from '../audit/record.ts';
import type { Agent } from '../config/config.ts';
import { LonghaulError } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import type { RunLimits } from '../core/limits.ts';
import { toMicros } from '../core/money.ts';
import type { Database, Transaction } from '../db/database.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import { appendEvents } from './append-events.ts';
import { isWaitedFor, reserveBudget, toBudgetError } from './budget.ts';
import { parkRun } from './park.ts';
import { nextFairRank, toMessage } from './place-in-line.ts';
import type { RunDeps } from './rules.ts';
import { toRun, type Run } from './run.ts';

/** A submission that has been validated against its agent. */
export interface Submission {
  readonly agent: Agent;
  readonly prompt: string;
  readonly user: string | null;
  /** Whose budget it counts for beside its user's, or null. */
  readonly team: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Higher goes first. */
  readonly priority: number;
  readonly startAfter: Date | null;
  /** Those in force: the agent's, lowered where the submission asked for it. */
  readonly limits: RunLimits;
  /** Those the submission named. */
  readonly requestedLimits: Partial<RunLimits>;
  /** The run it tries once more, by hand; null for a new one. */
  readonly retryOf: string | null;
  /** Whether it is refused when another run tries that one again already. Defaults to false. */
  readonly isOnlyRetry?: boolean;
  readonly idempotencyKey: string | null;
  /** The API key that submits. */
  readonly createdBy: string;
}

/**
 * Accepts a run: its row, its first event, the money set aside for it and its queue job in one transaction, so that an
 * accepted run survives anything and a refused one leaves no trace. The same idempotency key of the same caller
 * answers the run it made the first time.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request before, `conflict` when it
 * is to be the only retry and is not, `user_budget`, `team_budget` or `global_budget` when no money is left for it.
 */
export async function submitRun(deps: RunDeps, submission: Submission): Promise<Run> {
  const { database, queue, rules } = deps;
  const { agent, startAfter } = submission;
  const id = createId();
  const requestHash = submission.idempotencyKey === null ? null : hashRequest(submission);
  const insert = async (trx: Transaction) => {
    if (submission.isOnlyRetry === true) await refuseSecondRetry(trx, submission.retryOf);
    const row = await trx
      .insertInto('longhaul.runs')
      .values({
        id,
        agent: agent.name,
        queue: agent.queue,
        status: 'queued',
        prompt: submission.prompt,
        user_id: submission.user,
        team: submission.team,
        session_id: createId(),
        metadata: JSON.stringify(submission.metadata),
        priority: submission.priority,
        fair_rank: nextFairRank({ queue: agent.queue, user: submission.user }),
        limits: JSON.stringify(submission.limits),
        requested_limits: JSON.stringify(submission.requestedLimits),
        max_attempts: agent.retry.maxAttempts,
        retry_policy: JSON.stringify(agent.retry),
        retry_of: submission.retryOf,
        start_after: startAfter,
        created_by: submission.createdBy,
        idempotency_key: submission.idempotencyKey,
        request_hash: requestHash,
        event_seq: 0,
      })
      // Two submissions with one key at once: the second waits here for the first, then inserts nothing.
      .onConflict((conflict) =>
        conflict.columns(['created_by', 'idempotency_key']).where('idempotency_key', 'is not', null).doNothing(),
      )
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) return null;
    await appendEvents(trx, {
      runId: id,
      attempt: 0,
      events: [{ type: 'run.queued', data: { agent: agent.name, reason: 'submitted' } }],
    });
    await recordAuditMany(trx, toAuditRecords(id, submission));
    await queue.enqueue(trx, toMessage(row, startAfter));
    // Last, because all share the total, and hold it until they commit.
    const amountMicros = toMicros(submission.limits.maxBudgetUsd);
    const { full } = await reserveBudget(trx, { runId: id, amountMicros, rules });
    if (full === null) return { ...row, event_seq: 1 };
    if (!isWaitedFor(full, rules)) throw toBudgetError(full, amountMicros);
    const until = new Date(Math.max(Date.parse(full.resetsAt), startAfter?.getTime() ?? 0));
    return parkRun(trx, { queue, runId: id, attempt: 0, waitingFor: 'budget', until, scope: full.scope });
  };
  const inserted = await retryDeadlock(() => database.sql.transaction().execute(insert));
  return toRun(inserted ?? (await findEarlier(database, submission, requestHash)));
}

function toAuditRecords(runId: string, submission: Submission): AuditRecord[] {
  const { agent, prompt, user, team, limits, retryOf } = submission;
  const actor = keyActor({ keyId: submission.createdBy });
  const data = { agent: agent.name, user, team, prompt, limits, ...(retryOf !== null && { retryOf }) };
  return [
    { actor, action: 'run.submitted', subject: runId, data },
    ...(retryOf === null ? [] : [{ actor, action: 'run.retried', subject: retryOf, data: { by: runId } } as const]),
  ];
}

/** Locks the run that is retried: of two retries at once the second waits, and finds the first. */
async function refuseSecondRetry(trx: Transaction, retryOf: string | null): Promise<void> {
  await trx.selectFrom('longhaul.runs').select('id').where('id', '=', retryOf).forUpdate().execute();
  const other = await trx.selectFrom('longhaul.runs').select('id').where('retry_of', '=', retryOf).executeTakeFirst();
  if (other === undefined) return;
  throw new LonghaulError('conflict', { message: `Run ${retryOf} is tried again already, by run ${other.id}.` });
}

async function findEarlier(database: Database, submission: Submission, requestHash: string | null) {
  const earlier = await database.sql
    .selectFrom('longhaul.runs')
    .selectAll()
    .where('created_by', '=', submission.createdBy)
    .where('idempotency_key', '=', submission.idempotencyKey)
    .executeTakeFirstOrThrow();
  if (earlier.request_hash !== requestHash) {
    throw new LonghaulError('idempotency_mismatch', {
      message: `Idempotency-Key was used before, for run ${earlier.id}, with another request. Use a new key for a new request.`,
    });
  }
  return earlier;
}

/** What makes two submissions the same request, in a form that does not keep the prompt a second time. */
function hashRequest(submission: Submission): string {
  const { agent, prompt, user, team, metadata, priority, startAfter, requestedLimits, retryOf } = submission;
  const startsAt = startAfter?.toISOString() ?? null;
  const request = [
    agent.name,
    prompt,
    user,
    metadata,
    priority,
    startsAt,
    requestedLimits,
    retryOf,
    ...(team === null ? [] : [team]),
  ];
  return createHash('sha256').update(JSON.stringify(request)).digest('hex');
}
