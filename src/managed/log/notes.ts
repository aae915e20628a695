import { sql } from 'kysely';
import { createId } from '../../core/ids.ts';
import { CHANNELS, type Database, type Transaction } from '../../db/database.ts';
import { toRowId } from './event-ids.ts';
import type { ManagedEvent } from './managed-event.ts';

/** An event of a session that is not of its runs, with its place among the notes of the session. */
export interface Note {
  readonly position: number;
  readonly event: ManagedEvent;
}

interface NoteOptions {
  readonly sessionId: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Notes an event of a session: before the end of the turn in progress, or else behind the last turn. Wakes the
 * readers of the session at the commit. Returns the event.
 *
 * The caller has locked the session, so that no turn ends or begins meanwhile.
 */
export async function note(trx: Transaction, { sessionId, type, data }: NoteOptions): Promise<ManagedEvent> {
  const { rows } = await sql<{ id: string; at: Date }>`
    insert into longhaul.managed_notes (id, session_id, turn, is_after, type, data)
    select ${createId()}, ${sessionId},
           coalesce(min(session_turn) filter (where finished_at is null), max(session_turn), 0),
           coalesce(bool_and(finished_at is not null), true), ${type}, ${JSON.stringify(data)}::json
      from longhaul.runs where session_id = ${sessionId}
    returning id, at`.execute(trx);
  await sql`select pg_notify(${CHANNELS.events}, ${sessionId})`.execute(trx);
  const { id, at } = rows[0]!;
  return toEvent({ id, type, data, at });
}

interface ReadOptions {
  readonly sessionId: string;
  readonly turn: number;
  /** True: the notes behind the turn; false: those before its end. */
  readonly isAfter: boolean;
  /** Notes behind this position. */
  readonly after: number;
  /** The event of the turn's run that the notes stand before; null: its last. Defaults to any. */
  readonly seq?: number | null;
}

export async function readNotes(
  database: Database,
  { sessionId, turn, isAfter, after, seq }: ReadOptions,
): Promise<Note[]> {
  const rows = await database.sql
    .selectFrom('longhaul.managed_notes')
    .select(['id', 'position', 'type', 'data', 'at'])
    .where('session_id', '=', sessionId)
    .where('turn', '=', turn)
    .where('is_after', '=', isAfter)
    .where('position', '>', after)
    .$if(seq !== undefined, (notes) => notes.where('seq', 'is not distinct from', seq ?? null))
    .orderBy('position')
    .execute();
  return rows.map((row) => ({ position: row.position, event: toEvent(row) }));
}

function toEvent({ id, type, data, at }: { id: string; type: string; data: unknown; at: Date }): ManagedEvent {
  return { id: toRowId(id), type, processed_at: at.toISOString(), ...(data as object) };
}
