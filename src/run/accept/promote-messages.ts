import { sql } from 'kysely';
import type { Transaction } from '../../db/database.ts';
import type { RunDeps } from '../rules.ts';
import { pointIdempotencyKey } from './idempotency-keys.ts';
import { insertRuns } from './insert-runs.ts';
import { toSubmission, type StoredSubmission } from './leave-message.ts';

/**
 * Creates a run from each message that was not taken up by its run, whose end was written in `trx`: under the message's
 * id, in the same session, in the order of arrival. Its idempotency key now returns the new run. None is rejected,
 * because each was accepted: without money it waits for its budget.
 */
export async function promoteMessages(
  trx: Transaction,
  { deps, runId }: { deps: Pick<RunDeps, 'queue' | 'rules'>; runId: string },
): Promise<void> {
  const { rows } = await sql<{ id: string; prompt: string; submission: StoredSubmission }>`
    with waiting as (
      delete from longhaul.messages where run_id = ${runId} and taken_up_at is null returning *)
    select id, prompt, submission from waiting order by created_at, id`.execute(trx);
  // Separate inserts: the order of the ids differs from the order of arrival when the clocks of two machines differ.
  for (const { id, prompt, submission } of rows) {
    const submissions = [toSubmission(submission, prompt)];
    await insertRuns(trx, { ...deps, ids: [id], submissions, isPromised: true });
    if (submission.request) await pointIdempotencyKey(trx, { ...submission.request, from: runId, to: id });
  }
}
