import { sql } from 'kysely';
import { LonghaulError } from '../core/errors.ts';
import type { Database } from '../db/database.ts';
import { ENTRY_COLUMNS, hashEntry, type EntryRow } from './hash.ts';
import { asKeeper } from './keeper.ts';

/** Most bytes of data read at once: an entry may hold a prompt of a megabyte. */
const MOST_BYTES = 8_000_000;

/**
 * Chains the oldest unchained entries, at most `batch` (500) of them. Returns their number, or null when another
 * process is chaining. An entry that was written earlier but committed later comes later in the chain.
 */
export function chainAudit(database: Database, { batch = 500 }: { batch?: number } = {}): Promise<number | null> {
  return asKeeper(database, async (trx) => {
    const head = await trx.selectFrom('longhaul.audit_head').select(['seq', 'hash']).executeTakeFirst();
    if (head === undefined) {
      throw new LonghaulError('internal_error', {
        message:
          'The audit record has lost its head: longhaul.audit_head is empty. Restore its row from a backup; no entry is chained until then.',
      });
    }
    const { rows } = await sql<EntryRow>`
      select ${ENTRY_COLUMNS}
        from (select *, sum(octet_length(data)) over (order by id) - octet_length(data) as bytes_before
                from (select * from longhaul.audit where seq is null order by id limit ${batch}) as oldest) as sized
       where bytes_before < ${sql.lit(MOST_BYTES)} order by id`.execute(trx);
    if (rows.length === 0) return 0;

    const links = { ids: [] as number[], seqs: [] as number[], prevHashes: [] as string[], hashes: [] as string[] };
    let { seq, hash } = head;
    for (const row of rows) {
      seq++;
      links.ids.push(row.id);
      links.seqs.push(seq);
      links.prevHashes.push(hash);
      hash = hashEntry(hash, { ...row, seq });
      links.hashes.push(hash);
    }
    await sql`
      update longhaul.audit set seq = link.seq, prev_hash = link.prev_hash, hash = link.hash
        from unnest(${links.ids}::bigint[], ${links.seqs}::bigint[], ${links.prevHashes}::text[], ${links.hashes}::text[])
          as link (id, seq, prev_hash, hash)
       where audit.id = link.id`.execute(trx);
    await trx.updateTable('longhaul.audit_head').set({ seq, hash }).execute();
    return rows.length;
  });
}
