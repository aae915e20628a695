import { keyActor } from '../audit/actors.ts';
import { recordAuditMany, type AuditRecord } from '../audit/record.ts';
import { LonghaulError } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import { toMicros } from '../core/money.ts';
import type { Transaction } from '../db/database.ts';
import { retryDeadlock } from '../db/retry-deadlock.ts';
import { appendEvents } from './append-events.ts';
import { isWaitedFor, reserveBudget, toBudgetError } from './budget.ts';
import { parkRun } from './park.ts';
import { readRepeated, toIdempotentRequest } from './find-repeated.ts';
import { takeIdempotencyKey } from './idempotency.ts';
import { nextFairRank, toMessage } from './place-in-line.ts';
import type { RunDeps } from './rules.ts';
import { toRun, type Run } from './run.ts';
import type { Submission } from './submission.ts';

export interface Submitted {
  readonly run: Run;
  /** It is the run that an earlier submission with the same idempotency key has made. */
  readonly isRepeat: boolean;
}

/**
 * Accepts a run: its row, its first event, the money set aside for it and its queue job in one transaction, so that an
 * accepted run survives anything and a refused one leaves no trace. The same idempotency key of the same caller
 * answers, for a day, the run it made the first time.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request before, `conflict` when it
 * is to be the only retry and is not, `user_budget`, `team_budget` or `global_budget` when no money is left for it.
 */
export async function submitRun(deps: RunDeps, submission: Submission): Promise<Submitted> {
  const { database, queue, rules } = deps;
  const { agent, startAfter } = submission;
  const id = createId();
  const request = toIdempotentRequest(submission);
  let repeatedId: string | undefined;
  const insert = async (trx: Transaction) => {
    const earlier = request && (await takeIdempotencyKey(trx, { ...request, runIds: [id] }));
    repeatedId = earlier?.[0];
    if (repeatedId !== undefined) return null;
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
        event_seq: 0,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
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
  if (inserted !== null) return { run: toRun(inserted), isRepeat: false };
  return { run: await readRepeated(database, repeatedId!), isRepeat: true };
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
