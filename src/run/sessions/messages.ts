import { sql } from 'kysely';
import type { PromptPart } from '../../core/prompt-parts.ts';
import type { Database } from '../../db/database.ts';
import type { Lease } from '../log/append-events.ts';

/** A message to a running run. */
export interface RunMessage {
  readonly id: string;
  readonly text: string;
  /** The parts of the message, if it is more than a text. */
  readonly parts: readonly PromptPart[] | null;
  /** True when Claude Code has taken it up, in this attempt or an earlier one. */
  readonly isTakenUp: boolean;
  /** True when the run's log has its event. */
  readonly isTold: boolean;
}

/** Reads the messages to a run, in order. */
export async function readMessages(database: Database, runId: string): Promise<RunMessage[]> {
  const rows = await database.preparedSql
    .selectFrom('longhaul.messages')
    .select(['id', 'prompt', 'parts', 'taken_up_at', 'is_told'])
    .where('run_id', '=', runId)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(({ id, prompt, parts, taken_up_at, is_told }) => ({
    id,
    text: prompt,
    parts: parts as RunMessage['parts'],
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
    with owner as (
      select id from longhaul.runs
       where id = ${lease.runId} and fence = ${lease.fence} and status = 'running' for update),
    marked as (
      update longhaul.messages as message
         set taken_up_at = case when ${isTakenUp}::boolean then coalesce(taken_up_at, now()) end
        from owner where message.run_id = owner.id and message.id = any(${[...ids]}::uuid[]))
    select 1 from owner`.execute(database.sql);
  return rows.length > 0;
}
