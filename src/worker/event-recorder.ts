import { toMessage } from '../core/errors.ts';
import type { NewEvent } from '../core/events.ts';
import { after } from '../core/timers.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';

/**
 * Time for which deltas are gathered before they are written, in milliseconds. A reader cannot notice it at first, and
 * hardly minds it later. The time grows with every batch, so that the number of inserts follows the amount of text and
 * not its duration: 2,000 deltas at 10 ms make about 130 inserts.
 */
const GATHER_MS = { first: 50, growth: 2, most: 200 };

/** Characters of events that wait for the database. Above this the run is given up, to protect the worker's memory. */
const MAX_BUFFERED_CHARACTERS = 16_000_000;

/**
 * Characters of a batch. A larger batch is written in several statements, so that no statement blocks worker or
 * database for long.
 */
const MAX_BATCH_CHARACTERS = 256_000;

const RETRY_DELAYS_MS = [100, 250, 500, 1_000, 2_000];

interface RecorderOptions {
  /** Writes a batch. Returns false when the lease is lost. Throws when the database cannot be reached. */
  readonly write: (events: readonly NewEvent[]) => Promise<boolean>;
  /** Called once when events can no longer be recorded; the attempt must end. */
  readonly onLost: (loss: RecorderLoss) => void;
}

/**
 * The reason why events can no longer be recorded. `lease_lost`: the run belongs to another worker. `away`: the
 * database is away, and more events arrived than may wait. `overflow`: events arrived faster than the database wrote
 * them. `refused`: the database rejected their content. The last two would happen to the run again on any worker.
 */
export type RecorderLoss =
  | { readonly kind: 'lease_lost' }
  | { readonly kind: 'away' }
  | { readonly kind: 'overflow' | 'refused'; readonly detail: string };

interface Buffered {
  readonly event: NewEvent;
  readonly characters: number;
}

/** Takes an attempt's events as they arrive and writes them once, in order and in batches. */
export interface EventRecorder {
  add(event: NewEvent): void;
  /** Resolves when everything added so far is written; false when it can no longer be written. */
  flush(): Promise<boolean>;
  /** Discards what is not written yet, because the run belongs to another worker. */
  abandon(): void;
}

/**
 * Creates a recorder that gathers text for `GATHER_MS` and writes it in one statement. The next batch is gathered while
 * the previous one is written. Only text that follows text is gathered: an event after a silence, or after an event of
 * another type, is written at once, so that the first text does not wait behind the events before it.
 */
export function createEventRecorder({ write, onLost }: RecorderOptions): EventRecorder {
  let buffer: Buffered[] = [];
  let bufferedCharacters = 0;
  let lastTextAt = -Infinity;
  let textBatches = 0;
  let isLost = false;
  let isFlushing = false;
  /** True when the last write could not reach the database. */
  let isAway = false;
  let writing: Promise<void> | null = null;
  let endPause: (() => void) | null = null;

  function lose(loss: RecorderLoss): void {
    if (isLost) return;
    isLost = true;
    buffer = [];
    endPause?.();
    onLost(loss);
  }

  /** Writes the buffer until it is empty. There is one writer at a time, so batches cannot overtake each other. */
  async function writeBuffer(): Promise<void> {
    while (buffer.length > 0) {
      const gatherMs = Math.min(GATHER_MS.first + textBatches * GATHER_MS.growth, GATHER_MS.most);
      const pauseMs = lastTextAt + gatherMs - performance.now();
      if (pauseMs > 0 && buffer.every(({ event }) => isDelta(event)) && !isFlushing) await pause(pauseMs);
      const batch = takeBatch();
      if (batch.some(isDelta)) {
        lastTextAt = performance.now();
        textBatches++;
      }
      await writeUntilTaken(mergeDeltas(batch));
    }
    writing = null;
  }

  /** Takes the events of the next statement: at least one, and more while they stay below `MAX_BATCH_CHARACTERS`. */
  function takeBatch(): NewEvent[] {
    let taken = 0;
    let count = 0;
    for (const { characters } of buffer) {
      if (count > 0 && taken + characters > MAX_BATCH_CHARACTERS) break;
      taken += characters;
      count++;
    }
    bufferedCharacters -= taken;
    return buffer.splice(0, count).map(({ event }) => event);
  }

  async function writeUntilTaken(batch: readonly NewEvent[]): Promise<void> {
    for (let tries = 0; !isLost; tries++) {
      try {
        if (!(await write(batch))) lose({ kind: 'lease_lost' });
        isAway = false;
        return;
      } catch (error) {
        if (!isDatabaseAway(error)) return lose({ kind: 'refused', detail: toMessage(error) });
        isAway = true;
        // The lease limits the retries: its keeper ends the attempt when the lease runs out.
        await pause(RETRY_DELAYS_MS[Math.min(tries, RETRY_DELAYS_MS.length - 1)] ?? 0);
      }
    }
  }

  async function pause(durationMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = after(durationMs, resolve);
    endPause = resolve;
    await promise;
    clearTimeout(timer);
    endPause = null;
  }

  return {
    add(event) {
      if (isLost) return;
      const characters = sizeOf(event);
      buffer.push({ event, characters });
      bufferedCharacters += characters;
      if (bufferedCharacters > MAX_BUFFERED_CHARACTERS) {
        if (isAway) return lose({ kind: 'away' });
        const detail = `More than ${MAX_BUFFERED_CHARACTERS} characters of events were waiting for the database.`;
        return lose({ kind: 'overflow', detail });
      }
      // Only text gains from waiting for more of it. Tool uses, results and the end are shown at once.
      if (!isDelta(event)) endPause?.();
      writing ??= writeBuffer();
    },

    async flush() {
      isFlushing = true;
      endPause?.();
      await writing;
      isFlushing = false;
      return !isLost;
    },

    abandon() {
      isLost = true;
      buffer = [];
      endPause?.();
    },
  };
}

function isDelta(event: NewEvent): boolean {
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
