import { sql } from 'kysely';
import { keyActor } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import type { Database, Transaction } from '../db/database.ts';
import { CHANNELS } from '../db/database.ts';
import type { Lease } from './append-events.ts';
import { pointIdempotencyKey, type IdempotentRequest } from './idempotency.ts';
import { insertRuns } from './insert-runs.ts';
import type { RunDeps } from './rules.ts';
import type { Submission } from './submission.ts';

/** What was said into a run at work. */
export interface RunMessage {
  readonly id: string;
  readonly text: string;
  /** Whether Claude Code has taken it up, in this attempt or an earlier one. */
  readonly isTakenUp: boolean;
  /** Whether the run's log has its event. */
  readonly isTold: boolean;
}

/**
 * Leaves a submission for the run of its conversation that is at work, and tells its worker. Returns that run's id, or
 * null, with nothing written, when none is at work: then it is a run of its own.
 *
 * Locks the run's row: its end either comes before, and is seen here, or finds the message.
 */
export async function leaveMessage(
  trx: Transaction,
  { submission, id, request }: { submission: Submission; id: string; request: IdempotentRequest | null },
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

/** What was said into a run, in order. */
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

/** The message that a request with an idempotency key has left for a run; null: the run is its own. */
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
 * Notes that messages are in the conversation, or, where an attempt was cut off before it could write that down, that they
 * are not. Changes nothing, and returns false, when the lease is not the caller's any more.
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
 * Makes a run of each message that was not taken up by its run, whose end was written in `trx`: under the message's own
 * id, in the same conversation, in the order in which they came. Its idempotency key answers it from now on. None is
 * refused, for each was accepted: where no money is left it waits for that.
 */
export async function promoteMessages(
  trx: Transaction,
  { deps, runId }: { deps: Pick<RunDeps, 'queue' | 'rules'>; runId: string },
): Promise<void> {
  const { rows } = await sql<{ id: string; prompt: string; submission: StoredSubmission }>`
    with waiting as (
      delete from longhaul.messages where run_id = ${runId} and taken_up_at is null returning *)
    select id, prompt, submission from waiting order by created_at, id`.execute(trx);
  // One by one: the order of their ids is not that in which they came when two machines' clocks differ.
  for (const { id, prompt, submission } of rows) {
    const submissions = [toSubmission(submission, prompt)];
    await insertRuns(trx, { ...deps, ids: [id], submissions, isPromised: true });
    if (submission.request) await pointIdempotencyKey(trx, { ...submission.request, from: runId, to: id });
  }
}

type StoredSubmission = ReturnType<typeof toStored>;

function toStored(submission: Submission, request: IdempotentRequest | null) {
  const { agent, prompt: _, idempotencyKey: _key, idempotencyOwner: _owner, startAfter: _start, ...rest } = submission;
  const { name, queue, retry, whileBusy } = agent;
  const key = request && { owner: request.owner, key: request.key };
  return { ...rest, agent: { name, queue, retry, whileBusy }, request: key };
}

function toSubmission({ request: _, ...stored }: StoredSubmission, prompt: string): Submission {
  return { ...stored, prompt, startAfter: null, idempotencyKey: null };
}
