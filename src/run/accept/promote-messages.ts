import { sql } from 'kysely';
import type { PromptPart } from '../../core/prompt-parts.ts';
import type { Transaction } from '../../db/database.ts';
import type { RunDeps } from '../rules.ts';
import { pointIdempotencyKey } from './idempotency-keys.ts';
import { insertRuns } from './insert-runs.ts';
import { toSubmission, type StoredSubmission } from './leave-message.ts';

/** A message that its run has not read. */
interface UnreadMessage {
  readonly id: string;
  readonly prompt: string;
  readonly parts: readonly PromptPart[] | null;
  readonly submission: StoredSubmission;
}

/** Deletes the messages that a run has not read, whose end was written in `trx`. Returns them in the order of arrival. */
export async function takeUnreadMessages(trx: Transaction, runId: string): Promise<readonly UnreadMessage[]> {
  const { rows } = await sql<UnreadMessage>`
    with waiting as (
      delete from longhaul.messages where run_id = ${runId} and taken_up_at is null returning *)
    select id, prompt, parts, submission from waiting order by created_at, id`.execute(trx);
  return rows;
}

interface PromoteOptions {
  readonly deps: Pick<RunDeps, 'queue' | 'rules'>;
  readonly runId: string;
  /** The messages that `takeUnreadMessages` has deleted. */
  readonly messages: readonly UnreadMessage[];
}

/**
 * Creates a run from each unread message: under the message's id, in the same session, in the order of arrival. Its
 * idempotency key now returns the new run. None is rejected, because each was accepted: without money it waits for its
 * budget.
 */
export async function promoteMessages(trx: Transaction, { deps, runId, messages }: PromoteOptions): Promise<void> {
  // Separate inserts: the order of the ids differs from the order of arrival when the clocks of two machines differ.
  for (const { id, prompt, parts, submission } of messages) {
    const submissions = [toSubmission(submission, { prompt, parts })];
    await insertRuns(trx, { ...deps, ids: [id], submissions, isPromised: true });
    if (submission.request) await pointIdempotencyKey(trx, { ...submission.request, from: runId, to: id });
  }
}
