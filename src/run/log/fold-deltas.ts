import { sql } from 'kysely';
import type { Database, Transaction } from '../../db/database.ts';

/** Runs folded in one transaction, so that no lock is held long. */
const BATCH_SIZE = 20;

/**
 * Removes streamed deltas from the logs of runs that ended more than `afterMinutes` ago: the deltas of a block whose
 * whole text follows as `agent.text`, which replaces all of them. The deltas of a block that was never finished become
 * one `agent.text` in the place of the last; those of an abandoned block are deleted. Returns the number of runs.
 *
 * Older cursors stay valid. After the deltas that a reader has received, it receives the text that replaces them, or
 * nothing if it had received them all. The remaining events keep their `seq` and position, so the numbers then have
 * gaps. Any number of workers may do it at once: each run is locked, and other workers skip it.
 */
export async function foldDeltas(
  database: Database,
  { afterMinutes, signal }: { afterMinutes: number; signal?: AbortSignal },
): Promise<number> {
  let folded = 0;
  while (signal?.aborted !== true) {
    const count = await database.sql.transaction().execute((trx) => foldBatch(trx, afterMinutes));
    folded += count;
    if (count < BATCH_SIZE) break;
  }
  return folded;
}

async function foldBatch(trx: Transaction, afterMinutes: number): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    update longhaul.runs set deltas_folded_at = now() where id in (
      select id from longhaul.runs
       where finished_at < now() - ${afterMinutes} * interval '1 minute' and deltas_folded_at is null
       order by finished_at limit ${sql.lit(BATCH_SIZE)} for update skip locked)
    returning id`.execute(trx);
  if (rows.length === 0) return 0;
  const runIds = sql.val(rows.map(({ id }) => id));
  // A block's id is unique within its attempt. A block belongs to one loop, the main one or a sub-agent's.
  await sql`
    with blocks as (
      select run_id, attempt, data->>'blockId' as block, max(data->>'parentToolUseId') as parent,
             bool_or(data->>'isContinuation' is not null) as is_continuation, max(seq) as last_seq,
             string_agg(data->>'text', '' order by seq) as text
        from longhaul.run_events
       where run_id = any(${runIds}::uuid[]) and type = 'agent.text.delta'
       group by run_id, attempt, data->>'blockId'),
    unfinished as (
      select * from blocks where not exists (
        select from longhaul.run_events as whole
         where whole.run_id = blocks.run_id and whole.attempt = blocks.attempt and whole.type = 'agent.text'
           and whole.data->>'blockId' = blocks.block)
       -- This event may come from another attempt.
       and not exists (
        select from longhaul.run_events as abandoned
         where abandoned.run_id = blocks.run_id and abandoned.type = 'agent.text.abandoned'
           and abandoned.seq > blocks.last_seq and abandoned.data->>'blockId' = blocks.block)),
    replaced as (
      update longhaul.run_events as event
         set type = 'agent.text',
             data = json_strip_nulls(json_build_object('text', unfinished.text, 'blockId', unfinished.block,
                                                       'parentToolUseId', unfinished.parent, 'isPartial', true,
                                                       'isContinuation', case when is_continuation then true end))
        from unfinished where event.run_id = unfinished.run_id and event.seq = unfinished.last_seq)
    delete from longhaul.run_events as event
     where event.run_id = any(${runIds}::uuid[]) and event.type = 'agent.text.delta'
       and not exists (select from unfinished where unfinished.run_id = event.run_id and unfinished.last_seq = event.seq)`.execute(
    trx,
  );
  return rows.length;
}
