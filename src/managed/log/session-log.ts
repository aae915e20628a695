import { isFinalEvent, type RunEvent } from '../../core/events.ts';
import type { Database } from '../../db/database.ts';
import { readEvents } from '../../run/log/read-events.ts';
import { readCustomUses } from './custom-tools.ts';
import type { LogItem, ManagedEvent } from './managed-event.ts';
import { readNotes } from './notes.ts';
import { projectEnd, projectEvent } from './project-turn.ts';
import { findTurn, readBefore } from './read-turns.ts';
import { createTurnState, showNotes, type Thread, type TurnState } from './turn-state.ts';
import { addUsage, type Turn } from './turn.ts';

/**
 * The log of a session: one order for all readers. It is that of its turns, and in each that of the run's events; notes
 * stand before the end of a turn or behind it. A turn's run is read from its beginning, because what an event means
 * depends on those before it.
 */

/** Events that follow from one event of a run, or a note. */
export interface Step {
  readonly turn: number;
  /** The number of the run's event; null: a note behind the turn. */
  readonly seq: number | null;
  /** The note's position; null: not a note. */
  readonly note: number | null;
  readonly items: readonly LogItem[];
}

export interface LoggedSession {
  readonly id: string;
  readonly thread: Thread;
}

/** Supplies the events of a run, in order, up to those there are, or up to the run's last. An empty batch is a heartbeat. */
export type ReadRun = (runId: string) => AsyncIterable<readonly RunEvent[]>;

interface LogOptions {
  readonly database: Database;
  readonly session: LoggedSession;
  /** The turn to begin with; the notes behind the turn before come first. */
  readonly turn: number;
  readonly readRun: ReadRun;
  /**
   * Waits for what may follow. Resolves with false when nothing will: then the log ends. Defaults to never waiting.
   */
  readonly wait?: () => Promise<boolean>;
}

/** Reads a session's log. An empty batch is a heartbeat. */
export async function* readSessionLog(options: LogOptions): AsyncGenerator<readonly Step[], void, void> {
  const { database, session, readRun, wait = () => Promise.resolve(false) } = options;
  const begun = await readBefore(database, { sessionId: session.id, turn: options.turn });
  let { usage, isIdle } = begun;
  const budget = { budgetMicros: begun.budgetMicros };
  let number = options.turn;
  let lastNote = 0;
  for (;;) {
    const turn = await findTurn(database, { sessionId: session.id, turn: number, before: usage });
    // Read after the turn was: a note behind the turn before cannot come in any more.
    const notes = await readNotes(database, {
      sessionId: session.id,
      turn: number - 1,
      isAfter: true,
      after: lastNote,
    });
    lastNote = notes.at(-1)?.position ?? lastNote;
    if (notes.length > 0)
      yield notes.map(({ position, event }) => toNoteStep(number - 1, position, showNotes(budget, [event])));
    if (turn === null) {
      if (!(await wait())) return;
      yield [];
      continue;
    }
    const state = createTurnState({ turn, thread: session.thread, status: isIdle ? 'idle' : 'running', ...budget });
    const ended = yield* readTurn({ database, session, state, readRun });
    if (ended === null) return;
    usage = addUsage(ended.before, ended.own);
    isIdle = ended.endsIdle;
    budget.budgetMicros = state.budgetMicros;
    number = ended.turn + 1;
  }
}

type TurnOptions = Pick<LogOptions, 'database' | 'session' | 'readRun'> & { readonly state: TurnState };

/** Reads a turn. Returns it as it has ended; null: it has not. */
async function* readTurn(options: TurnOptions): AsyncGenerator<readonly Step[], Turn | null, void> {
  const { database, session, state, readRun } = options;
  const { turn } = state;
  for await (const batch of readRun(turn.runId)) {
    await readCustomUses(database, state, batch);
    const steps: Step[] = [];
    for (const event of batch) {
      const toStep = (items: readonly LogItem[]): Step => ({ turn: turn.turn, seq: event.seq, note: null, items });
      if (!isFinalEvent(event)) {
        const noted = hasNotes(event)
          ? await readNotesAt(database, { sessionId: session.id, turn, seq: event.seq })
          : [];
        steps.push(toStep([...showNotes(state, noted), ...projectEvent(state, event)]));
        continue;
      }
      // Read behind its last event, the row is that of the ended run.
      const ended = (await findTurn(database, { sessionId: session.id, turn: turn.turn, before: turn.before })) ?? turn;
      const notes = await readNotes(database, {
        sessionId: session.id,
        turn: turn.turn,
        isAfter: false,
        after: 0,
        seq: null,
      });
      const items = projectEnd(state, { final: event, ended, notes: notes.map((note) => note.event) });
      yield [...steps, toStep(items)];
      return ended;
    }
    yield steps;
  }
  return null;
}

/** Returns whether notes may stand before an event: it was written in one transaction with them (`placeNotes`). */
function hasNotes(event: RunEvent): boolean {
  if (event.type === 'run.waiting') return event.data.scope === 'session';
  return event.type === 'run.queued' && event.data.reason === 'resumed';
}

async function readNotesAt(
  database: Database,
  { sessionId, turn, seq }: { sessionId: string; turn: Turn; seq: number },
): Promise<ManagedEvent[]> {
  const notes = await readNotes(database, { sessionId, turn: turn.turn, isAfter: false, after: 0, seq });
  return notes.map(({ event }) => event);
}

function toNoteStep(turn: number, position: number, items: readonly LogItem[]): Step {
  return { turn, seq: null, note: position, items };
}

const PAGE_SIZE = 500;

/** Reads the events of a run that there are now. */
export function readWritten(database: Database): ReadRun {
  return async function* read(runId) {
    let after = 0;
    for (;;) {
      const { events, hasMore } = await readEvents(database, { runId, after, limit: PAGE_SIZE });
      yield events;
      after = events.at(-1)?.seq ?? after;
      if (!hasMore) return;
    }
  };
}
