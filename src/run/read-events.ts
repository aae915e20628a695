import type { Selectable } from 'kysely';
import type { RunEvent } from '../core/events.ts';
import type { Database } from '../db/database.ts';
import type { RunEventsTable } from '../db/tables.ts';
import { isSeenBy, type Viewer } from './viewer.ts';

interface ReadOptions {
  readonly runId: string;
  /** Events after this place in the log. */
  readonly after: number;
  readonly limit: number;
}

/** A run's events after a place in its log, in order. */
export async function readEvents(database: Database, { runId, after, limit }: ReadOptions): Promise<RunEvent[]> {
  const rows = await database.sql
    .selectFrom('longhaul.run_events')
    .selectAll()
    .where('run_id', '=', runId)
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(limit)
    .execute();
  return rows.map(toEvent);
}

/** An event with its place among those of all runs. */
export interface PlacedEvent {
  readonly position: number;
  readonly event: RunEvent;
}

interface ReadVisibleOptions {
  readonly viewer: Viewer;
  /** Events after this position. */
  readonly after: number;
  /** Events up to this position. Beyond what is settled (`src/stream/horizon.ts`) some may be missing. */
  readonly upTo: number;
  readonly limit: number;
}

/** The events of all runs that somebody may see, by position. Answered from an index, whoever it is. */
export async function readVisibleEvents(database: Database, options: ReadVisibleOptions): Promise<PlacedEvent[]> {
  const { viewer, after, upTo, limit } = options;
  const rows = await database.sql
    .selectFrom('longhaul.run_events')
    .selectAll()
    .where(isSeenBy(viewer))
    .where('position', '>', after)
    .where('position', '<=', upTo)
    .orderBy('position')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ position: row.position, event: toEvent(row) }));
}

function toEvent(row: Selectable<RunEventsTable>): RunEvent {
  return {
    runId: row.run_id,
    seq: row.seq,
    type: row.type,
    at: row.at.toISOString(),
    attempt: row.attempt,
    data: row.data,
  } as RunEvent;
}
