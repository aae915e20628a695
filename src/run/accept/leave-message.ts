import { sql } from 'kysely';
import { keyActor } from '../../audit/actors.ts';
import { recordAudit } from '../../audit/record.ts';
import { CHANNELS, type Transaction } from '../../db/database.ts';
import { keepFiles } from '../attachments/files.ts';
import type { IdempotencyKey } from './idempotency-keys.ts';
import type { Submission } from './submission.ts';

/**
 * Leaves a submission as a message for the running run of its session, and notifies its worker. Returns that run's id.
 * Returns null, and writes nothing, when no run of the session is running: then the submission becomes a separate run.
 *
 * Locks the run's row: the run's end either comes before, and is seen here, or finds the message.
 */
export async function leaveMessage(
  trx: Transaction,
  { submission, id, request }: { submission: Submission; id: string; request: IdempotencyKey | null },
): Promise<string | null> {
  const { session, prompt, parts = null, createdBy } = submission;
  const { rows } = await sql<{ id: string }>`
    select id from longhaul.runs
     where session_id = ${session?.id ?? null} and status = 'running' and cancel_requested_at is null for update`.execute(
    trx,
  );
  const runId = rows[0]?.id;
  if (runId === undefined) return null;
  await trx
    .insertInto('longhaul.messages')
    .values({
      id,
      run_id: runId,
      prompt,
      parts: parts && JSON.stringify(parts),
      submission: JSON.stringify(toStored(submission, request)),
    })
    .execute();
  await keepFiles(trx, [{ runId, parts }]);
  const data = { messageId: id, prompt };
  await recordAudit(trx, { actor: keyActor({ keyId: createdBy }), action: 'run.message', subject: runId, data });
  await sql`select pg_notify(${CHANNELS.messages}, ${runId})`.execute(trx);
  return runId;
}

/** A submission as its message keeps it. */
export type StoredSubmission = ReturnType<typeof toStored>;

function toStored(submission: Submission, request: IdempotencyKey | null) {
  const { agent, prompt: _, parts: _parts, idempotencyKey: _key, idempotencyOwner: _owner, ...further } = submission;
  const { startAfter: _start, attachments: _attachments, ...rest } = further;
  const { name, queue, retry, whileBusy } = agent;
  const key = request && { owner: request.owner, key: request.key };
  return { ...rest, agent: { name, queue, retry, whileBusy }, request: key };
}

export function toSubmission(
  { request: _, ...stored }: StoredSubmission,
  words: Pick<Submission, 'prompt' | 'parts'>,
): Submission {
  return { ...stored, ...words, startAfter: null, idempotencyKey: null };
}
