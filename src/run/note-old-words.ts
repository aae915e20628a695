import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** Number of runs per statement, so that nobody waits long for a lock. */
const BATCH_SIZE = 200;

/**
 * Indexes the words of runs that are older than the search; returns their number. Any number of workers may do it at
 * once. After the last run it costs one query of an empty table.
 */
export async function noteOldWords(database: Database, { signal }: { signal: AbortSignal }): Promise<number> {
  let noted = 0;
  while (!signal.aborted) {
    const { rows } = await sql`
      with taken as (
        delete from longhaul.runs_without_words where run_id in (
          select run_id from longhaul.runs_without_words order by run_id desc limit ${sql.lit(BATCH_SIZE)} for update skip locked)
        returning run_id),
      -- Locked, so that the end of a run is noted either here or by its trigger, after this.
      old as (
        select id, prompt, result, metadata, agent, user_id, team, schedule_id, status, error_code
          from longhaul.runs where id in (select run_id from taken) order by id for share),
      noted as (
        insert into longhaul.run_search (run_id, words, labels, marks)
        select id, longhaul.words_of(prompt, result), longhaul.labels_of(metadata),
               longhaul.marks_of(id, agent, user_id, team, schedule_id, status, error_code)
          from old
        on conflict (run_id) do update set words = excluded.words, marks = excluded.marks)
      select run_id from taken`.execute(database.sql);
    noted += rows.length;
    if (rows.length < BATCH_SIZE) break;
  }
  return noted;
}
