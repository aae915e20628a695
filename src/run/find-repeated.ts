import { LonghaulError } from '../core/errors.ts';
import type { Database } from '../db/database.ts';
import { awaitIdempotentRuns, findIdempotentRuns, hashRequest, type IdempotentRequest } from './idempotency.ts';
import { findMessageId } from './messages.ts';
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

/** What a request has come to. */
export interface Accepted {
  /** In the order of its submissions. */
  readonly runs: Run[];
  /** The message it was, where it was said into the run at work; null: its runs are its own. */
  readonly messageId: string | null;
}

/**
 * What an earlier request with the same key has come to; null: there was none. With `isAwaited`, one that is under way at
 * this moment is waited for.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request, `run_not_found` when a run
 * was removed since.
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

/** What a key stands for: the runs in order and as they are now. None is made anew: it was paid for. */
export async function readRepeated(
  database: Database,
  runIds: readonly string[],
  request: Pick<IdempotentRequest, 'owner' | 'key'>,
): Promise<Accepted> {
  // Who has the key has made the runs.
  const found = await findRuns(database, { runIds, viewer: SEES_ALL });
  const runs = runIds.map((runId) => {
    const run = found.get(runId);
    if (run !== undefined) return run;
    throw new LonghaulError('run_not_found', {
      message: `This Idempotency-Key has made run ${runId}, which was removed since. Use a new key for a new run.`,
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
