import { sql } from 'kysely';
import type { Database } from '../../db/database.ts';
import type { SessionLease } from './sessions.ts';

/** A file that a session's transcript names: a large result of a tool. */
interface SessionFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** Most bytes kept for one session. Beyond them, the oldest files are deleted. */
export const MAX_SESSION_BYTES = 10_000_000;

/**
 * Saves files with a session, each name once. Returns false, and saves nothing, when the caller no longer holds the
 * session.
 */
export async function keepFiles(
  database: Database,
  { sessionLease, files }: { sessionLease: SessionLease; files: readonly SessionFile[] },
): Promise<boolean> {
  const { sessionId, lease } = sessionLease;
  return database.sql.transaction().execute(async (trx) => {
    const { rows } = await sql`
      select from longhaul.sessions
       where id = ${sessionId} and holder_run_id = ${lease.runId} and holder_fence = ${lease.fence} for update`.execute(
      trx,
    );
    if (rows.length === 0) return false;
    for (const { name, content } of files) {
      await trx
        .insertInto('longhaul.session_files')
        .values({ session_id: sessionId, name, run_id: lease.runId, content: Buffer.from(content) })
        .onConflict((conflict) => conflict.columns(['session_id', 'name']).doNothing())
        .execute();
    }
    await sql`
      delete from longhaul.session_files
       where session_id = ${sessionId} and name in (
         select name from (
           select name, sum(octet_length(content)) over (order by kept_at desc, name) as bytes
             from longhaul.session_files where session_id = ${sessionId}) as newest
          where bytes > ${sql.lit(MAX_SESSION_BYTES)})`.execute(trx);
    return true;
  });
}

/** Reads the files of a session, the oldest first. */
export async function readFiles(database: Database, sessionId: string): Promise<SessionFile[]> {
  return database.sql
    .selectFrom('longhaul.session_files')
    .select(['name', 'content'])
    .where('session_id', '=', sessionId)
    .orderBy('kept_at')
    .orderBy('name')
    .execute();
}
