import { sql } from 'kysely';
import type { Database } from '../db/database.ts';
import { ENTRY_COLUMNS, FIRST_HASH, hashEntry, type EntryRow } from './hash.ts';
import { verifySeals } from './verify-seals.ts';

/** A problem in one place of the audit record. */
export interface AuditProblem {
  /** The affected entry, or the last entry that a seal covers. */
  readonly seq: number;
  /** Description of the problem and of the next step. */
  readonly what: string;
}

export interface AuditVerification {
  readonly isIntact: boolean;
  /** Number of chained entries that were checked. */
  readonly entries: number;
  readonly firstSeq: number | null;
  readonly lastSeq: number | null;
  /** The hash of the last entry: stored elsewhere, it later proves all entries before it. */
  readonly lastHash: string | null;
  /** The last sealed day (UTC), such as `2026-01-31`, or null. */
  readonly sealedUntil: string | null;
  /** Entries that are not chained yet: verification knows nothing about them. */
  readonly unchained: number;
  /** The first 1,000 problems. */
  readonly problems: AuditProblem[];
  readonly problemCount: number;
}

/** The place in the chain that verification has reached. An unknown hash is not compared. */
interface Position {
  readonly seq: number;
  readonly hash: string | null;
}

const BATCH_SIZE = 1_000;

/** Most bytes of data read at once: an entry may hold a prompt of a megabyte. */
const MOST_BYTES = 8_000_000;

const MOST_PROBLEMS = 1_000;

const COMPARE = 'Compare it with an earlier export or backup, and find out who can write to the database.';

/**
 * Follows the whole chain and reports where it is broken: entries that were changed, are missing or are in another's
 * place; seals likewise. Runs beside all other work; keeps a batch in memory, and holds no lock or transaction.
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
        // Entries that expired during the verification were deleted correctly.
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
        report(
          row.seq,
          `entry ${row.seq} is not the last entry that Longhaul chained: the chain was rewritten. ${COMPARE}`,
        );
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
      `${nameRange(end.headSeq + 1, end.lastSeq)} beyond the head of the chain, so not chained by Longhaul. Delete nothing. ${COMPARE}`,
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

/** Reads the place before the first entry: the last entry that has expired, as its seal records it. */
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

/** A single statement, so that no entry is chained between its parts. */
async function readEnd(database: Database) {
  const { rows } = await sql<{ headSeq: number; lastSeq: number; unchained: number }>`
    select coalesce((select seq from longhaul.audit_head), 0) as "headSeq",
           coalesce((select max(seq) from longhaul.audit), 0) as "lastSeq",
           (select count(*) from longhaul.audit where seq is null) as unchained`.execute(database.sql);
  return rows[0]!;
}
