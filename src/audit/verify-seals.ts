import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { FIRST_HASH, hashSeal } from './hash.ts';

const BATCH_SIZE = 500;

type Report = (seq: number, what: string) => void;

/** A seal with the current hash of its last entry; null when that entry is missing. */
interface SealRow {
  readonly day: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly entries: number;
  readonly last_hash: string;
  readonly prev_hash: string;
  readonly hash: string;
  readonly isRemoved: boolean;
  readonly entryHash: string | null;
}

/** Follows the chain of seals and compares each with its last entry; returns the last sealed day, or null. */
export async function verifySeals(database: Database, report: Report): Promise<string | null> {
  let last: Pick<SealRow, 'last_seq' | 'hash'> = { last_seq: 0, hash: FIRST_HASH };
  let lastDay: string | null = null;
  let areRemoved = true;
  for (;;) {
    const rows = await readBatch(database, lastDay);
    for (const seal of rows) {
      const { day, first_seq, last_seq, isRemoved } = seal;
      const see = (what: string) => report(last_seq, `the seal of ${day} ${what}. Restore it from a backup.`);
      if (hashSeal(seal.prev_hash, toHashed(seal)) !== seal.hash) see('was changed: it does not match its hash');
      else if (seal.prev_hash !== last.hash || first_seq !== last.last_seq + 1) {
        see('does not follow the one before it: that one was changed or is missing');
      }
      if (isRemoved && !areRemoved) see('is marked as removed, and the one before it is not');
      if (!isRemoved && seal.entryHash !== seal.last_hash) {
        report(
          last_seq,
          `the seal of ${day} does not match entry ${last_seq}, its last: the entry was changed or is missing. Trust the seal.`,
        );
      }
      areRemoved &&= isRemoved;
      last = seal;
      lastDay = day;
    }
    if (rows.length < BATCH_SIZE) return lastDay;
  }
}

function toHashed({ day, first_seq, last_seq, entries, last_hash }: SealRow) {
  return { day, firstSeq: first_seq, lastSeq: last_seq, entries, lastHash: last_hash };
}

async function readBatch(database: Database, after: string | null): Promise<SealRow[]> {
  const { rows } = await sql<SealRow>`
    select day::text as day, first_seq, last_seq, entries, last_hash, seal.prev_hash, seal.hash,
           removed_at is not null as "isRemoved",
           (select audit.hash from longhaul.audit where audit.seq = seal.last_seq) as "entryHash"
      from longhaul.audit_seals as seal
     where day > coalesce(${after}::date, '-infinity') order by day limit ${sql.lit(BATCH_SIZE)}`.execute(database.sql);
  return rows;
}
