import { sql, type RawBuilder, type Selectable } from 'kysely';
import type { EventType, RunEvent } from '../../core/events.ts';
import type { Database } from '../../db/database.ts';
import type { RunEventsTable } from '../../db/tables.ts';
import { isSeenBy, type Viewer } from '../viewer.ts';

/**
 * Most bytes of a page beyond its first event, counted in the events' data as JSON: everything read for a reader that
 * takes nothing has to be kept in memory.
 */
const PAGE_BYTES = 262_144;

/** Events in order: as many as requested, or fewer when they are large. */
export interface EventPage<T> {
  readonly events: readonly T[];
  /** True when there may be more events after these. */
  readonly hasMore: boolean;
}

interface ReadOptions {
  readonly runId: string;
  /** Events after this `seq`. */
  readonly after: number;
  readonly limit: number;
}

/** Reads a run's events after a `seq`, in order. */
export async function readEvents(
  database: Database,
  { runId, after, limit }: ReadOptions,
): Promise<EventPage<RunEvent>> {
  const events = sql`
    select * from longhaul.run_events where run_id = ${runId} and seq > ${after} order by seq limit ${limit}`;
  const { rows, hasMore } = await readPage(database.preparedSql, { events, order: sql`seq`, limit });
  return { events: rows.map(toEvent), hasMore };
}

/** An event with its position among the events of all runs. */
export interface PlacedEvent {
  readonly position: number;
  readonly event: RunEvent;
}

interface ReadVisibleOptions {
  readonly viewer: Viewer;
  /** Of these types alone; null: of all. */
  readonly types?: readonly EventType[] | null | undefined;
  /** Events after this position. */
  readonly after: number;
  /** Events up to this position. Beyond the watermark (`src/stream/horizon.ts`) some may be missing. */
  readonly upTo: number;
  readonly limit: number;
}

/** Reads the events of all runs that the viewer may see, by position. An index answers it for every viewer. */
export async function readVisibleEvents(
  database: Database,
  options: ReadVisibleOptions,
): Promise<EventPage<PlacedEvent>> {
  const { viewer, types = null, after, upTo, limit } = options;
  const isWanted = types === null ? sql`true` : sql`type = any(${sql.val([...types])}::text[])`;
  const events = sql`
    select * from longhaul.run_events
     where ${isSeenBy(viewer)} and ${isWanted} and position > ${after} and position <= ${upTo}
     order by position limit ${limit}`;
  const { rows, hasMore } = await readPage(database.sql, { events, order: sql`position`, limit });
  return { events: rows.map((row) => ({ position: row.position, event: toEvent(row) })), hasMore };
}

type Row = Selectable<RunEventsTable>;

interface PageOptions {
  /** The events to read, at most `limit`. */
  readonly events: RawBuilder<unknown>;
  /** The column that orders them. */
  readonly order: RawBuilder<unknown>;
  readonly limit: number;
}

/** Leaves out, in the database, the events that would make a page too large. */
async function readPage(database: Database['sql'], { events, order, limit }: PageOptions) {
  const { rows } = await sql<Row & { found: number }>`
    with found as (${events}),
    measured as (
      select *, count(*) over () as found,
             sum(octet_length(data::text)) over (order by ${order}) - octet_length(data::text) as bytes_before
        from found)
    select run_id, seq, type, attempt, at, data, position, found from measured
     where bytes_before <= ${sql.lit(PAGE_BYTES)} order by ${order}`.execute(database);
  return { rows, hasMore: rows.length > 0 && (rows[0]!.found > rows.length || rows.length === limit) };
}

function toEvent(row: Row): RunEvent {
  return {
    runId: row.run_id,
    seq: row.seq,
    type: row.type,
    at: row.at.toISOString(),
    attempt: row.attempt,
    data: row.data,
  } as RunEvent;
}
