import type { Database } from '../../db/database.ts';
import { invalid } from '../error.ts';
import { readEventId } from '../log/event-ids.ts';
import type { LogItem, ManagedEvent } from '../log/managed-event.ts';
import { findTurnOfRow, readEdge, readWaiting } from '../log/read-turns.ts';
import { readSessionLog, readWritten, type LoggedSession } from '../log/session-log.ts';

/** Returns whether an event is wanted. */
export type EventFilter = (event: ManagedEvent) => boolean;

interface ListOptions {
  readonly session: LoggedSession;
  readonly order: 'asc' | 'desc';
  /** The event to go on behind, in this order; null: from the first. */
  readonly after: string | null;
  readonly isWanted: EventFilter;
  readonly limit: number;
}

/** Reads a page of a session's events. Messages that wait come last. `next`: the event to go on behind. */
export async function listEvents(
  database: Database,
  options: ListOptions,
): Promise<{ readonly events: ManagedEvent[]; readonly next: string | null }> {
  const { order, isWanted, limit } = options;
  const events: ManagedEvent[] = [];
  for await (const event of order === 'asc' ? readForward(database, options) : readBackward(database, options)) {
    if (!isWanted(event)) continue;
    if (events.length === limit) return { events, next: events.at(-1)!.id };
    events.push(event);
  }
  return { events, next: null };
}

type Reading = Pick<ListOptions, 'session' | 'after'>;

async function* readForward(database: Database, { session, after }: Reading): AsyncGenerator<ManagedEvent> {
  const first = after === null ? 1 : await findTurnOf(database, { session, eventId: after });
  let isPast = after === null;
  const shown = new Set<string>();
  for await (const steps of readSessionLog({ database, session, turn: first, readRun: readWritten(database) })) {
    for (const step of steps) {
      for (const event of toEvents(step.items)) {
        if (isPast) yield event;
        shown.add(event.id);
        isPast ||= event.id === after;
      }
    }
  }
  for (const event of toEvents(await readWaiting(database, { sessionId: session.id, afterTurn: 0 }))) {
    if (shown.has(event.id)) continue;
    if (isPast) yield event;
    isPast ||= event.id === after;
  }
}

/** Reads the turns from the last to the first, each from its end. */
async function* readBackward(database: Database, { session, after }: Reading): AsyncGenerator<ManagedEvent> {
  const last =
    after === null
      ? (await readEdge(database, session.id)).turn
      : await findTurnOf(database, { session, eventId: after });
  let isPast = after === null;
  for (let turn = last; turn >= 0; turn--) {
    const events = await readTurnAlone(database, { session, turn, hasWaiting: turn === last });
    for (const event of events.toReversed()) {
      if (isPast) yield event;
      isPast ||= event.id === after;
    }
  }
}

/** Reads the events of a turn, with the notes behind it; of the last one also the messages that wait. */
async function readTurnAlone(
  database: Database,
  { session, turn, hasWaiting }: { session: LoggedSession; turn: number; hasWaiting: boolean },
): Promise<ManagedEvent[]> {
  const events: ManagedEvent[] = [];
  for await (const steps of readSessionLog({
    database,
    session,
    turn: Math.max(1, turn),
    readRun: readWritten(database),
  })) {
    if (steps.some((step) => step.turn > turn)) break;
    events.push(...steps.filter((step) => step.turn === turn).flatMap(({ items }) => toEvents(items)));
  }
  if (!hasWaiting) return events;
  const shown = new Set(events.map(({ id }) => id));
  const waiting = toEvents(await readWaiting(database, { sessionId: session.id, afterTurn: 0 }));
  return [...events, ...waiting.filter(({ id }) => !shown.has(id))];
}

function toEvents(items: readonly LogItem[]): ManagedEvent[] {
  return items.flatMap((item) => ('event' in item ? [item.event] : []));
}

/**
 * Finds the turn of an event.
 * @throws {ManagedError} when the session has no such event.
 */
export async function findTurnOf(
  database: Database,
  { session, eventId }: { session: LoggedSession; eventId: string },
): Promise<number> {
  const read = readEventId(eventId);
  const turn =
    read !== null && 'rowId' in read
      ? await findTurnOfRow(database, { sessionId: session.id, rowId: read.rowId })
      : (read?.turn ?? null);
  if (turn === null) throw invalid(`The session has no event ${eventId}.`);
  return Math.max(1, turn);
}
