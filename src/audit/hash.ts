import { createHash } from 'node:crypto';
import { sql } from 'kysely';

/** The hash before the first entry and the first seal. */
export const FIRST_HASH = '0'.repeat(64);

/** The hashed parts of an entry: every part is a text or number that the database returns unchanged. */
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

/** Hashes an entry: SHA-256, in hex, over the JSON of a list of its parts, the previous hash first. */
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

/** Hashes a day's seal in the same way as an entry. */
export function hashSeal(prevHash: string, { day, firstSeq, lastSeq, entries, lastHash }: HashedSeal): string {
  return sha256([prevHash, day, firstSeq, lastSeq, entries, lastHash]);
}

function sha256(parts: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** The columns of an entry, with its time in the format that is hashed. */
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
