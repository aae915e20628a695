import { sql } from 'kysely';
import { LonghaulError } from '../core/errors.ts';
import type { Transaction } from '../db/database.ts';

/**
 * Makes a conversation that begins with what the finished runs of another have said by now; that one goes on by itself. What
 * a run still at work has said is left out: it may not come to be.
 *
 * The transcript is copied, by one statement. Claude Code's own fork would copy it as well, entry by entry and only when
 * the run begins, when its base may have gone on.
 * @throws {LonghaulError} `session_not_found` when the base was removed meanwhile.
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
}

/**
 * Keeps conversations from being removed before their next runs are there. They are locked in one order: of two who want
 * several, one waits.
 * @throws {LonghaulError} `session_not_found` when one was, with the last of its runs.
 */
export async function keepSessions(trx: Transaction, sessionIds: readonly string[]): Promise<void> {
  if (sessionIds.length === 0) return;
  const { rows } = await sql<{ id: string }>`
    select id from longhaul.sessions where id = any(${[...sessionIds]}::uuid[]) order by id for update`.execute(trx);
  const found = new Set(rows.map(({ id }) => id));
  const missing = sessionIds.find((id) => !found.has(id));
  if (missing !== undefined) throw toSessionNotFound(missing);
}

/** `path`: where the request names it. */
export function toSessionNotFound(sessionId: string, path = 'sessionId'): LonghaulError {
  return new LonghaulError('session_not_found', {
    message: `There is no session ${sessionId}.`,
    errors: [{ path, message: 'names no session' }],
  });
}
