import { sql } from 'kysely';
import { toStorable } from '../../core/text.ts';
import type { Database, Transaction } from '../../db/database.ts';
import type { Lease } from '../log/append-events.ts';

/** An entry of the transcript that Claude Code writes, line by line; stored unchanged. */
export type SessionEntry = Readonly<Record<string, unknown>>;

/** An attempt's right to a session: its run's lease, which the session records as its holder. */
export interface SessionLease {
  readonly sessionId: string;
  readonly lease: Lease;
}

/**
 * The statement that gives a session to the attempt being claimed. It returns no row when another running attempt has
 * the session, whatever the order of its runs. Two processes in one session would write two continuations, of which one
 * would be lost.
 *
 * Locks the session's row: of two that come at once the second waits, and is rejected.
 */
export function takeSession({ sessionId, lease }: SessionLease) {
  return sql`
    update longhaul.sessions as session set holder_run_id = ${lease.runId}, holder_fence = ${lease.fence}
     where id = ${sessionId}
       and (holder_run_id is null or holder_run_id = ${lease.runId}
            or not exists (select from longhaul.runs as holder
                            where holder.id = session.holder_run_id and holder.fence = session.holder_fence
                              and holder.status = 'running'))
    returning id`;
}

/**
 * Takes the session back from a run whose attempt is being settled in `trx`, so that the run writes nothing more to it.
 */
export async function releaseSession(
  trx: Transaction,
  { sessionId, runId }: { sessionId: string; runId: string },
): Promise<void> {
  await trx
    .updateTable('longhaul.sessions')
    .set({ holder_run_id: null, holder_fence: null })
    .where('id', '=', sessionId)
    .where('holder_run_id', '=', runId)
    .execute();
}

interface AppendEntries {
  readonly sessionLease: SessionLease;
  readonly claudeSessionId: string;
  /** Empty for the main conversation. */
  readonly subpath: string;
  readonly entries: readonly SessionEntry[];
}

/**
 * Adds entries to a session's transcript in one statement. An entry is identified by Claude Code's id and stored once,
 * even if it arrives several times. Returns false, and writes nothing, when the caller no longer owns the session.
 */
export async function appendEntries(database: Database, options: AppendEntries): Promise<boolean> {
  const { sessionLease, claudeSessionId, subpath, entries } = options;
  const { sessionId, lease } = sessionLease;
  // As texts: PostgreSQL stores any JSON, but cannot read into JSON that contains an escaped NUL.
  const values = entries.map((entry) => JSON.stringify(entry));
  const uuids = entries.map(({ uuid }) => (typeof uuid === 'string' ? toStorable(uuid) : null));
  const { rows } = await sql`
    with owned as (
      update longhaul.sessions
         set entry_count = entry_count + ${entries.length}, claude_session_id = ${claudeSessionId}, updated_at = now()
       where id = ${sessionId} and holder_run_id = ${lease.runId} and holder_fence = ${lease.fence}
      returning entry_count),
    written as (
      insert into longhaul.session_entries (session_id, position, run_id, subpath, uuid, entry)
      select ${sessionId}, owned.entry_count - ${entries.length} + entry.place, ${lease.runId}, ${subpath},
             entry.uuid, entry.value::json
        from owned, unnest(${sql.val(uuids)}::text[], ${sql.val(values)}::text[]) with ordinality as entry (uuid, value, place)
      on conflict (session_id, subpath, uuid) where uuid is not null do nothing)
    select 1 from owned`.execute(database.preparedSql);
  return rows.length > 0;
}

/** Reads the transcript so far, in order, or null when there is none. */
export async function readEntries(
  database: Database,
  { sessionId, subpath }: { sessionId: string; subpath: string },
): Promise<SessionEntry[] | null> {
  const rows = await database.sql
    .selectFrom('longhaul.session_entries')
    .select('entry')
    .where('session_id', '=', sessionId)
    .where('subpath', '=', subpath)
    .orderBy('position')
    .execute();
  return rows.length === 0 ? null : rows.map(({ entry }) => entry as SessionEntry);
}

/** Lists the subpaths that have a transcript beside the main conversation: those of sub-agents. */
export async function listSubpaths(database: Database, sessionId: string): Promise<string[]> {
  const rows = await database.sql
    .selectFrom('longhaul.session_entries')
    .select('subpath')
    .distinct()
    .where('session_id', '=', sessionId)
    .where('subpath', '<>', '')
    .orderBy('subpath')
    .execute();
  return rows.map(({ subpath }) => subpath);
}

/** Returns Claude Code's id of the session, if it has written something that can be continued; else null. */
export async function findClaudeSession(database: Database, sessionId: string): Promise<string | null> {
  const row = await database.sql
    .selectFrom('longhaul.sessions as session')
    .select('claude_session_id')
    .where('id', '=', sessionId)
    .where((session) =>
      session.exists(
        session
          .selectFrom('longhaul.session_entries')
          .select('position')
          .whereRef('session_id', '=', 'session.id')
          .where('subpath', '=', '')
          // Messages have an id; other notes have none.
          .where('uuid', 'is not', null),
      ),
    )
    .executeTakeFirst();
  return row?.claude_session_id ?? null;
}

/**
 * Deletes what a run's earlier attempts have written, for an attempt that starts from the beginning. Returns false when
 * the caller no longer owns the session.
 */
export async function forgetEntries(database: Database, { sessionId, lease }: SessionLease): Promise<boolean> {
  const { rows } = await sql`
    with owned as (
      update longhaul.sessions set updated_at = now()
       where id = ${sessionId} and holder_run_id = ${lease.runId} and holder_fence = ${lease.fence} returning id),
    forgotten as (
      delete from longhaul.session_entries using owned
       where session_id = owned.id and run_id = ${lease.runId}),
    forgotten_files as (
      delete from longhaul.session_files using owned
       where session_id = owned.id and run_id = ${lease.runId})
    select 1 from owned`.execute(database.sql);
  return rows.length > 0;
}
