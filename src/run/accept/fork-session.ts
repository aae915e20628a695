import { sql } from 'kysely';
import { LonghaulError } from '../../core/errors.ts';
import type { Transaction } from '../../db/database.ts';

/**
 * Creates a session that begins with what the finished runs of another have written so far; the base session is
 * unchanged. Leaves out what an unfinished run has written: that run may be rolled back.
 *
 * Copies the transcript in one statement. Claude Code's own fork would also copy it, but entry by entry and only when
 * the run begins, when the base may have new entries.
 * @throws {LonghaulError} `session_not_found` when the base was deleted meanwhile.
 */
export async function forkSession(
  trx: Transaction,
  { baseId, sessionId }: { baseId: string; sessionId: string },
): Promise<void> {
  const { rows } = await sql`
    insert into longhaul.sessions (id, agent, user_id, team, tenant, claude_session_id, entry_count, last_turn, forked_from)
    select ${sessionId}, agent, user_id, team, tenant, claude_session_id, entry_count, 1, id
      from longhaul.sessions where id = ${baseId} for share
    returning id`.execute(trx);
  if (rows.length === 0) throw toSessionNotFound(baseId);
  await sql`
    insert into longhaul.session_entries (session_id, position, run_id, subpath, uuid, entry)
    select ${sessionId}, position, run_id, subpath, uuid, entry
      from longhaul.session_entries as said
     where session_id = ${baseId}
       and not exists (select from longhaul.runs as run
                        where run.session_id = ${baseId} and run.finished_at is null and run.id = said.run_id)`.execute(
    trx,
  );
  await sql`
    insert into longhaul.session_files (session_id, name, run_id, content, kept_at)
    select ${sessionId}, name, run_id, content, kept_at
      from longhaul.session_files as file
     where session_id = ${baseId}
       and not exists (select from longhaul.runs as run
                        where run.session_id = ${baseId} and run.finished_at is null and run.id = file.run_id)`.execute(
    trx,
  );
}

/**
 * Locks sessions so that they are not deleted before their next runs exist. Locks in one order: of two transactions
 * that need several sessions, one waits.
 * @throws {LonghaulError} `session_not_found` when a session was deleted with the last of its runs.
 */
export async function keepSessions(trx: Transaction, sessionIds: readonly string[]): Promise<void> {
  if (sessionIds.length === 0) return;
  const { rows } = await sql<{ id: string }>`
    select id from longhaul.sessions where id = any(${[...sessionIds]}::uuid[]) order by id for update`.execute(trx);
  const found = new Set(rows.map(({ id }) => id));
  const missing = sessionIds.find((id) => !found.has(id));
  if (missing !== undefined) throw toSessionNotFound(missing);
}

/** Makes the error; `path` is the place in the request that names the session. */
export function toSessionNotFound(sessionId: string, path = 'sessionId'): LonghaulError {
  return new LonghaulError('session_not_found', {
    message: `There is no session ${sessionId}.`,
    errors: [{ path, message: 'does not name an existing session' }],
  });
}
