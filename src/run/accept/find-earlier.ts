import { LonghaulError } from '../../core/errors.ts';
import type { Database } from '../../db/database.ts';
import { findMessageId } from '../sessions/messages.ts';
import { findRuns } from '../read/read-runs.ts';
import type { Run } from '../run.ts';
import { SEES_ALL } from '../viewer.ts';
import { awaitIdempotentRuns, findIdempotentRuns, type IdempotentRequest } from './idempotency-keys.ts';

/** The result of an accepted request. */
export interface Accepted {
  /** In the order of the request's submissions. */
  readonly runs: readonly Run[];
  /** Id of the message, if the prompt was sent to the running run; null: the request has its own runs. */
  readonly messageId: string | null;
}

/**
 * Reads the result of an earlier request with the same idempotency key; null: there was none. With `isAwaited`, waits
 * for such a request that is in progress. Returns the runs as they are now, and creates no deleted run again: it was
 * paid for.
 * @throws {LonghaulError} `idempotency_mismatch` when the key came with another request, `run_not_found` when a run was
 * deleted since.
 */
export async function findEarlier(
  database: Database,
  request: IdempotentRequest | null,
  { isAwaited = false }: { isAwaited?: boolean } = {},
): Promise<Accepted | null> {
  if (request === null) return null;
  const find = isAwaited ? awaitIdempotentRuns : findIdempotentRuns;
  const runIds = await find(database, request);
  if (runIds === null) return null;
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
