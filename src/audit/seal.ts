import { sql } from 'kysely';
import type { Database, Transaction } from '../db/database.ts';
import { FIRST_HASH, hashSeal, type HashedSeal } from './hash.ts';
import { asKeeper } from './keeper.ts';

/**
 * Seals each finished day (UTC) whose entries are all chained; returns the new seals. In the chain a day ends before
 * the first entry of a later one: an entry that was committed after its day was sealed belongs to the next seal.
 */
export async function sealAudit(database: Database): Promise<HashedSeal[]> {
  const sealed: HashedSeal[] = [];
  for (;;) {
    const seal = await asKeeper(database, sealNextDay);
    if (seal === null) return sealed;
    sealed.push(seal);
  }
}

async function sealNextDay(trx: Transaction): Promise<HashedSeal | null> {
  const last = await trx
    .selectFrom('longhaul.audit_seals')
    .select(['last_seq', 'hash'])
    .orderBy('last_seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { last_seq: sealedUntil, hash: prevHash } = last ?? { last_seq: 0, hash: FIRST_HASH };
  const day = await findDayToSeal(trx, sealedUntil);
  if (day === null) return null;

  const { rows } = await sql<{ seq: number; hash: string; entries: number }>`
    with unsealed as (
      select seq from longhaul.audit
       where seq > ${sealedUntil} and at >= (${day}::date + 1)::timestamp at time zone 'UTC' order by seq limit 1)
    select seq, hash, (select count(*) from longhaul.audit as entry
                        where entry.seq > ${sealedUntil} and entry.seq <= last.seq) as entries
      from longhaul.audit as last
     where seq < coalesce((select seq from unsealed), 9223372036854775807) order by seq desc limit 1`.execute(trx);
  const end = rows[0]!;
  const seal = { day, firstSeq: sealedUntil + 1, lastSeq: end.seq, entries: end.entries, lastHash: end.hash };
  await trx
    .insertInto('longhaul.audit_seals')
    .values({
      day,
      first_seq: seal.firstSeq,
      last_seq: seal.lastSeq,
      entries: seal.entries,
      last_hash: seal.lastHash,
      prev_hash: prevHash,
      hash: hashSeal(prevHash, seal),
    })
    .execute();
  return seal;
}

/** Finds the day of the first entry without a seal, if that day has ended and all of its entries are chained. */
async function findDayToSeal(trx: Transaction, sealedUntil: number): Promise<string | null> {
  const { rows } = await sql<{ day: string }>`
    select day::text as day
      from (select greatest((at at time zone 'UTC')::date, (select max(day) + 1 from longhaul.audit_seals)) as day
              from longhaul.audit where seq > ${sealedUntil} order by seq limit 1) as first
     where day < (now() at time zone 'UTC')::date
       and not exists (select from longhaul.audit
                        where seq is null and at < (day + 1)::timestamp at time zone 'UTC')`.execute(trx);
  return rows[0]?.day ?? null;
}
