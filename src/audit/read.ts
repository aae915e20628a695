import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../db/database.ts';
import type { AuditAction } from './actions.ts';
import { ENTRY_COLUMNS, type EntryRow } from './hash.ts';

/** An entry of the audit record. */
export interface AuditEntry {
  readonly id: number;
  /** Its place in the chain; null for the moment until it is chained. */
  readonly seq: number | null;
  /** To the microsecond, UTC. */
  readonly at: string;
  readonly actor: string;
  readonly action: AuditAction;
  readonly subject: string;
  readonly data: unknown;
  readonly prevHash: string | null;
  readonly hash: string | null;
}

export interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: AuditAction | undefined;
  readonly subject?: string | undefined;
  /** At this time or later. */
  readonly from?: Date | undefined;
  /** Before this time. */
  readonly to?: Date | undefined;
}

interface ReadOptions {
  readonly filter: AuditFilter;
  /**
   * `newest`: newest first, chained or not. `chain`: only chained entries, oldest first in the order of the chain.
   * Defaults to `newest`.
   */
  readonly order?: 'newest' | 'chain';
  /** The `nextCursor` of an earlier page. */
  readonly after?: number | null | undefined;
  readonly limit: number;
}

/** Reads a page of the audit record. `nextCursor` continues it: null on the last page. */
export async function readAudit(
  database: Database,
  { filter, order = 'newest', after = null, limit }: ReadOptions,
): Promise<{ entries: AuditEntry[]; nextCursor: number | null }> {
  const conditions = toConditions(filter);
  if (order === 'chain') conditions.push(sql`seq > ${after ?? 0}`);
  else if (after !== null) conditions.push(sql`id < ${after}`);
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`;
  const { rows } = await sql<EntryRow>`
    select ${ENTRY_COLUMNS} from longhaul.audit ${where}
     order by ${order === 'chain' ? sql`seq` : sql`id desc`} limit ${limit + 1}`.execute(database.sql);
  const entries = rows.slice(0, limit).map(toEntry);
  const last = entries.at(-1);
  const cursor = order === 'chain' ? last?.seq : last?.id;
  return { entries, nextCursor: rows.length > limit ? (cursor ?? null) : null };
}

function toConditions({ actor, action, subject, from, to }: AuditFilter): RawBuilder<unknown>[] {
  return [
    ...(actor === undefined ? [] : [sql`actor = ${actor}`]),
    ...(action === undefined ? [] : [sql`action = ${action}`]),
    ...(subject === undefined ? [] : [sql`subject = ${subject}`]),
    ...(from === undefined ? [] : [sql`at >= ${from}`]),
    ...(to === undefined ? [] : [sql`at < ${to}`]),
  ];
}

function toEntry({ id, seq, at, actor, action, subject, data, prev_hash, hash }: EntryRow): AuditEntry {
  return { id, seq, at, actor, action: action as AuditAction, subject, data: parse(data), prevHash: prev_hash, hash };
}

/** An entry that was changed by hand may no longer be JSON, and must be shown all the same. */
function parse(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
