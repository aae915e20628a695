import type { NewEvent } from '../core/events.ts';
import { report } from '../core/process-events.ts';

/**
 * Characters of a batch. A larger batch is written in several statements, so that no statement blocks worker or
 * database for long.
 */
const MAX_BATCH_CHARACTERS = 256_000;

/** The events of an attempt that wait for the database, in order. */
export interface EventBuffer {
  readonly isEmpty: boolean;
  /** The number of events, before neighbouring pieces of text are joined. */
  readonly count: number;
  /** True when every event is a piece of text, which may wait for more of it. */
  readonly hasOnlyDeltas: boolean;
  /** The size of all events. */
  readonly characters: number;
  add(event: NewEvent): void;
  /**
   * Takes the events of the next statement: at least one, and more while they stay below `MAX_BATCH_CHARACTERS`.
   * Neighbouring pieces of one text are joined.
   */
  takeBatch(): NewEvent[];
  clear(): void;
}

interface Buffered {
  readonly event: NewEvent;
  readonly characters: number;
}

export function createEventBuffer(): EventBuffer {
  let buffered: Buffered[] = [];
  let characters = 0;
  return {
    get isEmpty() {
      return buffered.length === 0;
    },
    get count() {
      return buffered.length;
    },
    get hasOnlyDeltas() {
      return buffered.every(({ event }) => isDelta(event));
    },
    get characters() {
      return characters;
    },
    add(event) {
      const size = sizeOf(event);
      buffered.push({ event, characters: size });
      characters += size;
      report('events.buffered', { characters: size });
    },
    takeBatch() {
      let taken = 0;
      let count = 0;
      for (const { characters: size } of buffered) {
        if (count > 0 && taken + size > MAX_BATCH_CHARACTERS) break;
        taken += size;
        count++;
      }
      characters -= taken;
      report('events.buffered', { characters: -taken });
      return mergeDeltas(buffered.splice(0, count).map(({ event }) => event));
    },
    clear() {
      report('events.buffered', { characters: -characters });
      buffered = [];
      characters = 0;
    },
  };
}

/** Returns whether an event is a piece of text. */
export function isDelta(event: NewEvent): boolean {
  return event.type === 'agent.text.delta';
}

/** Joins neighbouring deltas of one block, so that the text of one block in one batch is one event. */
function mergeDeltas(events: readonly NewEvent[]): NewEvent[] {
  const merged: NewEvent[] = [];
  for (const event of events) {
    const last = merged.at(-1);
    const isContinued =
      event.type === 'agent.text.delta' &&
      last?.type === 'agent.text.delta' &&
      last.data.blockId === event.data.blockId;
    if (isContinued) {
      merged[merged.length - 1] = {
        type: 'agent.text.delta',
        data: { ...last.data, text: last.data.text + event.data.text },
      };
    } else {
      merged.push(event);
    }
  }
  return merged;
}

function sizeOf(event: NewEvent): number {
  return event.type === 'agent.text.delta' ? event.data.text.length + 100 : JSON.stringify(event).length;
}
