import { LonghaulError } from '../core/errors.ts';
import type { Database } from '../db/database.ts';
import { awaitIdempotentRuns, findIdempotentRuns, hashRequest, type IdempotentRequest } from './idempotency.ts';
import { findRun } from './read-runs.ts';
import type { Run } from './run.ts';
import type { Submission } from './submission.ts';
import { SEES_ALL } from './viewer.ts';

/** The submission as a request that is done once; null: it came without a key. */
export function toIdempotentRequest(submission: Submission): IdempotentRequest | null {
  const { idempotencyKey: key, idempotencyOwner, createdBy } = submission;
  if (key === null) return null;
  return { owner: idempotencyOwner ?? createdBy, key, hash: hashRequest(toParts(submission)) };
}

/**
 * The run that an earlier submission with the same key has made; null: there was none. With `isAwaited`, one that is under
 * way at this moment is waited for.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request, `run_not_found` when the run
 * was removed since.
 */
export async function findRepeated(
  database: Database,
  submission: Submission,
  { isAwaited = false }: { isAwaited?: boolean } = {},
): Promise<Run | null> {
  const request = toIdempotentRequest(submission);
  if (request === null) return null;
  const find = isAwaited ? awaitIdempotentRuns : findIdempotentRuns;
  const ids = await find(database, request);
  return ids === null ? null : readRepeated(database, ids[0]!);
}

/** The run that a key stands for, as it is now. It is never made anew: it was paid for. */
export async function readRepeated(database: Database, runId: string): Promise<Run> {
  // Who has the key has made the run.
  const run = await findRun(database, { runId, viewer: SEES_ALL });
  if (run !== null) return run;
  throw new LonghaulError('run_not_found', {
    message: `This Idempotency-Key has made run ${runId}, which was removed since. Use a new key for a new run.`,
  });
}

function toParts(submission: Submission): unknown[] {
  const { agent, prompt, user, team, metadata, priority, startAfter, requestedLimits, retryOf } = submission;
  const startsAt = startAfter?.toISOString() ?? null;
  const owners = team === null ? [] : [team];
  return [agent.name, prompt, user, metadata, priority, startsAt, requestedLimits, retryOf, ...owners];
}
