import { LonghaulError } from '../core/errors.ts';
import type { Database } from '../db/database.ts';
import { awaitIdempotentRuns, findIdempotentRuns, hashRequest, type IdempotentRequest } from './idempotency.ts';
import { findMessageId } from './messages.ts';
import { findRuns } from './read-runs.ts';
import type { Run } from './run.ts';
import type { Submission } from './submission.ts';
import { SEES_ALL } from './viewer.ts';

/** Makes the idempotent request of a submission; null: it has no key. */
export function toIdempotentRequest(submission: Submission): IdempotentRequest | null {
  const { idempotencyKey: key, idempotencyOwner, createdBy } = submission;
  if (key === null) return null;
  return { owner: idempotencyOwner ?? createdBy, key, hash: hashRequest(toParts(submission)) };
}

/** Makes the idempotent request of a batch. */
export function toBatchRequest(
  submissions: readonly Submission[],
  { owner, key }: Pick<IdempotentRequest, 'owner' | 'key'>,
): IdempotentRequest {
  return { owner, key, hash: hashRequest({ runs: submissions.map(toParts) }) };
}

/** The result of a request. */
export interface Accepted {
  /** In the order of the request's submissions. */
  readonly runs: Run[];
  /** Id of the message, if the prompt was sent to the running run; null: the request has its own runs. */
  readonly messageId: string | null;
}

/**
 * Reads the result of an earlier request with the same key; null: there was none. With `isAwaited`, waits for such a
 * request that is in progress.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request, `run_not_found` when a run was
 * deleted since.
 */
export async function findRepeated(
  database: Database,
  request: IdempotentRequest | null,
  { isAwaited = false }: { isAwaited?: boolean } = {},
): Promise<Accepted | null> {
  if (request === null) return null;
  const find = isAwaited ? awaitIdempotentRuns : findIdempotentRuns;
  const ids = await find(database, request);
  return ids === null ? null : readRepeated(database, ids, request);
}

/**
 * Reads the runs that a key stands for, in order and as they are now. No deleted run is created again: it was paid for.
 */
export async function readRepeated(
  database: Database,
  runIds: readonly string[],
  request: Pick<IdempotentRequest, 'owner' | 'key'>,
): Promise<Accepted> {
  // The owner of the key has created the runs, so no viewer is needed.
  const found = await findRuns(database, { runIds, viewer: SEES_ALL });
  const runs = runIds.map((runId) => {
    const run = found.get(runId);
    if (run !== undefined) return run;
    throw new LonghaulError('run_not_found', {
      message: `This Idempotency-Key has created run ${runId}, which was deleted since. Use a new key for a new run.`,
    });
  });
  const [only] = runs.length === 1 ? runs : [];
  return { runs, messageId: only === undefined ? null : await findMessageId(database, { runId: only.id, ...request }) };
}

function toParts(submission: Submission): unknown[] {
  const { agent, prompt, user, team, metadata, priority, startAfter, requestedLimits, retryOf } = submission;
  const { webhookUrl = null, session = null } = submission;
  const startsAt = startAfter?.toISOString() ?? null;
  const owners = team === null ? [] : [team];
  const webhooks = webhookUrl === null ? [] : [{ webhookUrl }];
  const sessions = session === null ? [] : [{ session }];
  const parts = [agent.name, prompt, user, metadata, priority, startsAt, requestedLimits, retryOf];
  return [...parts, ...owners, ...webhooks, ...sessions];
}
