import { createHash } from 'node:crypto';
import { sql } from 'kysely';

/** What the first entry and the first seal follow. */
export const FIRST_HASH = '0'.repeat(64);

/** An entry as it is hashed: every part a text or a number that comes back from the database as it went in. */
export interface HashedEntry {
  readonly seq: number;
  /** To the microsecond, UTC: `2026-01-31T09:00:00.123456Z`. */
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  /** JSON, as it was written. */
  readonly data: string;
}

/** The hash of an entry: SHA-256, in hex, over the JSON of its parts in a list, the hash before it first. */
export function hashEntry(prevHash: string, { seq, at, actor, action, subject, data }: HashedEntry): string {
  return sha256([prevHash, seq, at, actor, action, subject, data]);
}

export interface HashedSeal {
  /** UTC: `2026-01-31`. */
  readonly day: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly entries: number;
  readonly lastHash: string;
}

/** The hash of a day's seal, made like an entry's. */
export function hashSeal(prevHash: string, { day, firstSeq, lastSeq, entries, lastHash }: HashedSeal): string {
  return sha256([prevHash, day, firstSeq, lastSeq, entries, lastHash]);
}

function sha256(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** The columns of an entry, its time as it is hashed. */
export const ENTRY_COLUMNS = sql`
  id, seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor, action, subject, data,
  prev_hash, hash`;

/** A row of `ENTRY_COLUMNS`. */
export interface EntryRow {
  readonly id: number;
  readonly seq: number | null;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly data: string;
  readonly prev_hash: string | null;
  readonly hash: string | null;
}
