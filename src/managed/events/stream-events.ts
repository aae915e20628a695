import type { EventHub } from '../../stream/event-hub.ts';
import { LOOK_EVERY_MS } from '../../stream/timing.ts';
import type { Database } from '../../db/database.ts';
import { invalid } from '../error.ts';
import type { LogItem } from '../log/managed-event.ts';
import { readEdge, type Edge } from '../log/read-turns.ts';
import { readSessionLog, readWritten, type LoggedSession, type Step } from '../log/session-log.ts';
import { findTurnOf } from './list-events.ts';

/** The place at which a stream begins. */
export type Start =
  | { readonly kind: 'now'; readonly edge: Edge }
  | { readonly kind: 'behind'; readonly eventId: string; readonly turn: number }
  | { readonly kind: 'beginning' };

/**
 * Finds where a stream begins: behind the event of `Last-Event-ID`, at the beginning for `0`, or now.
 * @throws {ManagedError} when the session has no such event.
 */
export async function findStart(
  database: Database,
  { session, lastEventId }: { session: LoggedSession; lastEventId: string | null },
): Promise<Start> {
  if (lastEventId === null) return { kind: 'now', edge: await readEdge(database, session.id) };
  if (lastEventId === '0') return { kind: 'beginning' };
  const turn = await findTurnOf(database, { session, eventId: lastEventId });
  for await (const steps of readSessionLog({ database, session, turn, readRun: readWritten(database) })) {
    if (steps.some(({ items }) => items.some((item) => 'event' in item && item.event.id === lastEventId)))
      return { kind: 'behind', eventId: lastEventId, turn };
    if (steps.some((step) => step.turn > turn)) break;
  }
  throw invalid(`Last-Event-ID: the session has no event ${lastEventId} that was processed.`);
}

interface FollowOptions {
  readonly database: Database;
  readonly hub: EventHub;
  readonly session: LoggedSession;
  readonly start: Start;
  readonly signal: AbortSignal;
  /** Returns whether the session still exists and is not archived. */
  readonly isOpen: () => Promise<boolean>;
}

/** Follows a session from a place. An empty batch is a heartbeat. Ends when nothing can follow. */
export async function* followSession(options: FollowOptions): AsyncGenerator<readonly LogItem[], void, void> {
  const { database, hub, session, start, signal, isOpen } = options;
  const watch = hub.watch(session.id);
  const isShown = createGate(start);
  try {
    const log = readSessionLog({
      database,
      session,
      turn: toFirstTurn(start),
      readRun: (runId) => hub.follow({ runId, after: 0, signal }),
      async wait() {
        if (signal.aborted || !(await isOpen())) return false;
        await watch.next({ timeoutMs: LOOK_EVERY_MS, signal });
        return !signal.aborted;
      },
    });
    for await (const steps of log) {
      yield steps.flatMap((step) => step.items.filter((item) => isShown(step, item)));
      if (signal.aborted) return;
    }
  } finally {
    watch.close();
  }
}

function toFirstTurn(start: Start): number {
  if (start.kind === 'beginning') return 1;
  return Math.max(1, start.kind === 'now' ? start.edge.turn : start.turn);
}

/** Returns whether an item is behind the place where the stream begins. */
function createGate(start: Start): (step: Step, item: LogItem) => boolean {
  if (start.kind === 'beginning') return () => true;
  if (start.kind === 'now') {
    const { edge } = start;
    return ({ turn, seq, note }) => {
      if (note !== null) return note > edge.note;
      return turn > edge.turn || (turn === edge.turn && (seq ?? 0) > edge.seq);
    };
  }
  let isPast = false;
  return (_, item) => {
    if (isPast) return true;
    isPast = 'event' in item && item.event.id === start.eventId;
    return false;
  };
}
