import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { ENTRY_COLUMNS, FIRST_HASH, hashEntry, type EntryRow } from './hash.ts';
import { verifySeals } from './verify-seals.ts';

/** What is wrong with the audit record in one place. */
export interface AuditProblem {
  /** The entry in question, or the last one that a seal covers. */
  readonly seq: number;
  /** What was found and what to do about it. */
  readonly what: string;
}

export interface AuditVerification {
  readonly isIntact: boolean;
  /** Chained entries that were looked at. */
  readonly entries: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  /** The hash of the last entry: noted down elsewhere, it proves all before it later on. */
  readonly lastHash: string | null;
  /** The last day (UTC) that is sealed, such as `2026-01-31`, or null. */
  readonly sealedUntil: string | null;
  /** Entries that wait to be chained: nothing is known of them yet. */
  readonly unchained: number;
  /** The first 1,000 of them. */
  readonly problems: AuditProblem[];
  readonly problemCount: number;
}

/** Where the chain was followed to. An unknown hash is not compared. */
interface Position {
  readonly seq: number;
  readonly hash: string | null;
}

const BATCH_SIZE = 1_000;

/** Data read at once: an entry may hold a prompt of a megabyte. */
const MOST_BYTES = 8_000_000;

const MOST_PROBLEMS = 1_000;

const COMPARE = 'Compare it with an export or a backup from before, and find out who can write to the database.';

/**
 * Follows the whole chain and says where it was broken: entries that were changed, are missing or stand in another's
 * place, and seals likewise. Goes on beside everything else; holds a batch in memory, and no lock or transaction.
 */
export async function verifyAudit(database: Database): Promise<AuditVerification> {
  const problems: AuditProblem[] = [];
  let problemCount = 0;
  const report = (seq: number, what: string) => {
    problemCount++;
    if (problems.length < MOST_PROBLEMS) problems.push({ seq, what });
  };

  const head = await database.sql.selectFrom('longhaul.audit_head').select(['seq', 'hash']).executeTakeFirst();
  const sealedUntil = await verifySeals(database, report);
  let position: Position = await readStart(database);
  let entries = 0;
  let firstSeq: number | null = null;

  for (;;) {
    const rows = await readBatch(database, position.seq);
    for (const row of rows) {
      if (row.seq !== position.seq + 1) {
        // Entries that expired while this went on were removed by rights.
        const start = await readStart(database);
        if (start.seq > position.seq && start.seq < row.seq) position = start;
      }
      if (row.seq !== position.seq + 1) {
        report(position.seq + 1, `${nameRange(position.seq + 1, row.seq - 1)} missing. ${COMPARE}`);
        position = { seq: row.seq - 1, hash: null };
      }
      if (position.hash !== null && row.prev_hash !== position.hash) {
        report(
          row.seq,
          `entry ${row.seq} does not follow the one before it: that one was replaced, or the order was changed. ${COMPARE}`,
        );
      }
      if (hashEntry(row.prev_hash, row) !== row.hash) {
        report(row.seq, `entry ${row.seq} was changed: its content does not match its hash. ${COMPARE}`);
      }
      if (row.seq === head?.seq && row.hash !== head.hash) {
        report(row.seq, `entry ${row.seq} is not the one that was chained last: the chain was rewritten. ${COMPARE}`);
      }
      position = row;
      entries++;
      firstSeq ??= row.seq;
    }
    if (rows.length === 0) break;
  }

  if (head === undefined) {
    report(position.seq, `the head of the chain is gone: longhaul.audit_head is empty. Restore its row from a backup.`);
  } else if (head.seq > position.seq) {
    report(position.seq + 1, `${nameRange(position.seq + 1, head.seq)} missing from the end. ${COMPARE}`);
  }
  const end = await readEnd(database);
  if (head !== undefined && end.lastSeq > end.headSeq) {
    report(
      end.headSeq + 1,
      `${nameRange(end.headSeq + 1, end.lastSeq)} there that Longhaul has not chained. Remove nothing; ${COMPARE}`,
    );
  }
  return {
    isIntact: problemCount === 0,
    entries,
    firstSeq,
    lastSeq: entries === 0 ? null : position.seq,
    lastHash: entries === 0 ? null : position.hash,
    sealedUntil,
    unchained: end.unchained,
    problems,
    problemCount,
  };
}

function nameRange(first: number, last: number): string {
  return first === last ? `entry ${first} is` : `entries ${first} to ${last} are`;
}

/** What the first entry has to follow: the last one that has outlived its retention, as its seal has kept it. */
async function readStart(database: Database): Promise<{ seq: number; hash: string }> {
  const seal = await database.sql
    .selectFrom('longhaul.audit_seals')
    .select(['last_seq', 'last_hash'])
    .where('removed_at', 'is not', null)
    .orderBy('last_seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return seal === undefined ? { seq: 0, hash: FIRST_HASH } : { seq: seal.last_seq, hash: seal.last_hash };
}

type ChainedRow = EntryRow & { readonly seq: number; readonly prev_hash: string; readonly hash: string };

async function readBatch(database: Database, after: number): Promise<ChainedRow[]> {
  const { rows } = await sql<ChainedRow>`
    select ${ENTRY_COLUMNS}
      from (select *, sum(octet_length(data)) over (order by seq) - octet_length(data) as bytes_before
              from (select * from longhaul.audit where seq > ${after} order by seq limit ${sql.lit(BATCH_SIZE)}) as next) as sized
     where bytes_before < ${sql.lit(MOST_BYTES)} order by seq`.execute(database.sql);
  return rows;
}

/** One statement, so that no entry is chained between its parts. */
async function readEnd(database: Database) {
  const { rows } = await sql<{ headSeq: number; lastSeq: number; unchained: number }>`
    select coalesce((select seq from longhaul.audit_head), 0) as "headSeq",
           coalesce((select max(seq) from longhaul.audit), 0) as "lastSeq",
           (select count(*) from longhaul.audit where seq is null) as unchained`.execute(database.sql);
  return rows[0]!;
}
