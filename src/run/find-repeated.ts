import { LonghaulError } from '../core/errors.ts';
import type { Database } from '../db/database.ts';
import { awaitIdempotentRuns, findIdempotentRuns, hashRequest, type IdempotentRequest } from './idempotency.ts';
import { findRuns } from './read-runs.ts';
import type { Run } from './run.ts';
import type { Submission } from './submission.ts';
import { SEES_ALL } from './viewer.ts';

/** The submission as a request that is done once; null: it came without a key. */
export function toIdempotentRequest(submission: Submission): IdempotentRequest | null {
  const { idempotencyKey: key, idempotencyOwner, createdBy } = submission;
  if (key === null) return null;
  return { owner: idempotencyOwner ?? createdBy, key, hash: hashRequest(toParts(submission)) };
}

/** A batch as a request that is done once. */
export function toBatchRequest(
  submissions: readonly Submission[],
  { owner, key }: Pick<IdempotentRequest, 'owner' | 'key'>,
): IdempotentRequest {
  return { owner, key, hash: hashRequest({ runs: submissions.map(toParts) }) };
}

/**
 * The runs that an earlier request with the same key has made; null: there was none. With `isAwaited`, one that is under
 * way at this moment is waited for.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request, `run_not_found` when a run
 * was removed since.
 */
export async function findRepeated(
  database: Database,
  request: IdempotentRequest | null,
  { isAwaited = false }: { isAwaited?: boolean } = {},
): Promise<Run[] | null> {
  if (request === null) return null;
  const find = isAwaited ? awaitIdempotentRuns : findIdempotentRuns;
  const ids = await find(database, request);
  return ids === null ? null : readRepeated(database, ids);
}

/** The runs that a key stands for, in order and as they are now. None is made anew: it was paid for. */
export async function readRepeated(database: Database, runIds: readonly string[]): Promise<Run[]> {
  // Who has the key has made the runs.
  const found = await findRuns(database, { runIds, viewer: SEES_ALL });
  return runIds.map((runId) => {
    const run = found.get(runId);
    if (run !== undefined) return run;
    throw new LonghaulError('run_not_found', {
      message: `This Idempotency-Key has made run ${runId}, which was removed since. Use a new key for a new run.`,
    });
  });
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
