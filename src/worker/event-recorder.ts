import { toMessage } from '../core/errors.ts';
import type { NewEvent } from '../core/events.ts';
import { after } from '../core/timers.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';

/**
 * How long deltas are gathered before they are written, in milliseconds: a reader cannot tell at first, and hardly
 * minds later on. It grows with every batch, so that inserts follow what is said and not how long it takes: 2,000
 * deltas at 10 ms make about 130.
 */
const GATHER_MS = { first: 50, growth: 2, most: 200 };

/** Events held back while the database does not take them. Beyond, the run is given up rather than the worker's memory. */
const MAX_BUFFERED_CHARACTERS = 16_000_000;

/** Characters of a batch, beyond which it is written in several: one statement is to hold neither worker nor database long. */
const MAX_BATCH_CHARACTERS = 256_000;

const RETRY_DELAYS_MS = [100, 250, 500, 1_000, 2_000];

interface RecorderOptions {
  /** Writes a batch; false when the lease is lost. Throws when the database cannot be reached. */
  readonly write: (events: readonly NewEvent[]) => Promise<boolean>;
  /** Called once when events can no longer be recorded: the attempt has to end. */
  readonly onLost: (loss: RecorderLoss) => void;
}

/**
 * Why events can no longer be recorded. `lease_lost`: the run belongs to another. `away`: the database is away, and more
 * events came than are kept for it. `overflow`: they came faster than the database took them. `refused`: the database
 * refused them for what is in them. The last two would happen to the run again on any worker.
 */
export type RecorderLoss =
  | { readonly kind: 'lease_lost' }
  | { readonly kind: 'away' }
  | { readonly kind: 'overflow' | 'refused'; readonly detail: string };

interface Buffered {
  readonly event: NewEvent;
  readonly characters: number;
}

/** Takes an attempt's events as they come and writes them in order, in batches, once. */
export interface EventRecorder {
  add(event: NewEvent): void;
  /** Resolves when everything added so far is written; false when it cannot be any more. */
  flush(): Promise<boolean>;
  /** Gives up what is not written yet: the run belongs to another. */
  abandon(): void;
}

/**
 * Gathers text for `GATHER_MS` and writes it in one statement; the next batch is gathered while one is
 * being written. Only text that follows text is gathered: what comes after a silence, or after anything else,
 * is written at once, so that first text is not kept waiting behind the introduction before it.
 */
export function createEventRecorder({ write, onLost }: RecorderOptions): EventRecorder {
  let buffer: Buffered[] = [];
  let bufferedCharacters = 0;
  let lastTextAt = -Infinity;
  let textBatches = 0;
  let isLost = false;
  let isFlushing = false;
  /** Whether the last try to write met no database. */
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

  /** The only writer: runs while there is something to write, so batches cannot overtake each other. */
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

  /** The events of the next statement: one at least, and more while they stay below `MAX_BATCH_CHARACTERS`. */
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
        // The lease says how long to go on: its keeper ends the attempt when it runs out.
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
      // Only text is worth waiting for more of it: a tool use, a result, the end are shown as they come.
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

/** Joins neighbouring deltas of one block: what was said within one batch is one event. */
export function mergeDeltas(events: readonly NewEvent[]): NewEvent[] {
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
