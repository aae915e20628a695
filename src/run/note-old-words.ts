import { sql } from 'kysely';
import type { Database } from '../db/database.ts';

/** Runs in one statement, so that nobody waits long for a lock. */
const BATCH_SIZE = 200;

/**
 * Takes down the words of runs that were there before they were searched by them; returns of how many. Any number of workers
 * may do it at once. Once all are done it costs a look at an empty table.
 */
export async function noteOldWords(database: Database, { signal }: { signal: AbortSignal }): Promise<number> {
  let noted = 0;
  while (!signal.aborted) {
    const { rows } = await sql`
      with taken as (
        delete from longhaul.runs_without_words where run_id in (
          select run_id from longhaul.runs_without_words order by run_id desc limit ${sql.lit(BATCH_SIZE)} for update skip locked)
        returning run_id),
      noted as (
        insert into longhaul.run_search (run_id, words, labels)
        select id, longhaul.words_of(prompt, result), longhaul.labels_of(metadata)
          from longhaul.runs where id in (select run_id from taken)
        on conflict (run_id) do nothing)
      select run_id from taken`.execute(database.sql);
    noted += rows.length;
    if (rows.length < BATCH_SIZE) break;
  }
  return noted;
}
