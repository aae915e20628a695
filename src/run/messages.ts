import { sql } from 'kysely';
import { keyActor } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import type { Database, Transaction } from '../db/database.ts';
import { CHANNELS } from '../db/database.ts';
import type { Lease } from './append-events.ts';
import { pointIdempotencyKey, type IdempotencyKey } from './accept/idempotency-keys.ts';
import { insertRuns } from './accept/insert-runs.ts';
import type { RunDeps } from './rules.ts';
import type { Submission } from './accept/submission.ts';

/** A message to a running run. */
export interface RunMessage {
  readonly id: string;
  readonly text: string;
  /** True when Claude Code has taken it up, in this attempt or an earlier one. */
  readonly isTakenUp: boolean;
  /** True when the run's log has its event. */
  readonly isTold: boolean;
}

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
  const { session, prompt, createdBy } = submission;
  const { rows } = await sql<{ id: string }>`
    select id from longhaul.runs
     where session_id = ${session?.id ?? null} and status = 'running' and cancel_requested_at is null for update`.execute(
    trx,
  );
  const runId = rows[0]?.id;
  if (runId === undefined) return null;
  await trx
    .insertInto('longhaul.messages')
    .values({ id, run_id: runId, prompt, submission: JSON.stringify(toStored(submission, request)) })
    .execute();
  const data = { messageId: id, prompt };
  await recordAudit(trx, { actor: keyActor({ keyId: createdBy }), action: 'run.message', subject: runId, data });
  await sql`select pg_notify(${CHANNELS.messages}, ${runId})`.execute(trx);
  return runId;
}

/** Reads the messages to a run, in order. */
export async function readMessages(database: Database, runId: string): Promise<RunMessage[]> {
  const rows = await database.sql
    .selectFrom('longhaul.messages')
    .select(['id', 'prompt', 'taken_up_at', 'is_told'])
    .where('run_id', '=', runId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(({ id, prompt, taken_up_at, is_told }) => ({
    id,
    text: prompt,
    isTakenUp: taken_up_at !== null,
    isTold: is_told,
  }));
}

/** Returns the message that a request with an idempotency key has left for a run; null: the request has its own run. */
export async function findMessageId(
  database: Database,
  { runId, owner, key }: { runId: string; owner: string; key: string },
): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from longhaul.messages
     where run_id = ${runId} and submission -> 'request' ->> 'owner' = ${owner}
       and submission -> 'request' ->> 'key' = ${key}`.execute(database.sql);
  return rows[0]?.id ?? null;
}

interface MarkOptions {
  readonly lease: Lease;
  readonly ids: readonly string[];
  readonly isTakenUp: boolean;
}

/**
 * Marks messages as taken up into the conversation or, where an attempt was cut off before it could record that, as not
 * taken up. Changes nothing, and returns false, when the caller no longer holds the lease.
 */
export async function markMessages(database: Database, { lease, ids, isTakenUp }: MarkOptions): Promise<boolean> {
  const { rows } = await sql`
    with held as (
      select id from longhaul.runs
       where id = ${lease.runId} and fence = ${lease.fence} and status = 'running' for update),
    marked as (
      update longhaul.messages as message
         set taken_up_at = case when ${isTakenUp}::boolean then coalesce(taken_up_at, now()) end
        from held where message.run_id = held.id and message.id = any(${[...ids]}::uuid[]))
    select 1 from held`.execute(database.sql);
  return rows.length > 0;
}

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

type StoredSubmission = ReturnType<typeof toStored>;

function toStored(submission: Submission, request: IdempotencyKey | null) {
  const { agent, prompt: _, idempotencyKey: _key, idempotencyOwner: _owner, startAfter: _start, ...rest } = submission;
  const { name, queue, retry, whileBusy } = agent;
  const key = request && { owner: request.owner, key: request.key };
  return { ...rest, agent: { name, queue, retry, whileBusy }, request: key };
}

function toSubmission({ request: _, ...stored }: StoredSubmission, prompt: string): Submission {
  return { ...stored, prompt, startAfter: null, idempotencyKey: null };
}
