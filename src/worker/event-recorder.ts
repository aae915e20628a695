import { toMessage } from '../core/errors.ts';
import type { NewEvent } from '../core/events.ts';
import { report } from '../core/process-events.ts';
import { after } from '../core/timers.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import { createEventBuffer, isDelta } from './event-buffer.ts';

/**
 * Time for which deltas are gathered before they are written, in milliseconds. A reader cannot notice it at first, and
 * hardly minds it later. The time grows with every batch, so that the number of inserts follows the amount of text and
 * not its duration: 2,000 deltas at 10 ms make about 130 inserts.
 */
const GATHER_MS = { first: 50, growth: 2, most: 200 };

/** Characters of events that wait for the database. Above this the run is given up, to protect the worker's memory. */
const MAX_BUFFERED_CHARACTERS = 16_000_000;

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
  const buffer = createEventBuffer();
  const pause = createPause();
  const counts = createCounts();
  let lastTextAt = -Infinity;
  let textBatches = 0;
  let isLost = false;
  /** True when the last write could not reach the database. */
  let isAway = false;
  let writing: Promise<void> | null = null;

  function abandon(): void {
    isLost = true;
    buffer.clear();
    pause.end();
    counts.release();
  }

  function lose(loss: RecorderLoss): void {
    if (isLost) return;
    abandon();
    onLost(loss);
  }

  /** Writes the buffer until it is empty. There is one writer at a time, so batches cannot overtake each other. */
  async function writeBuffer(): Promise<void> {
    while (!buffer.isEmpty) {
      const gatherMs = Math.min(GATHER_MS.first + textBatches * GATHER_MS.growth, GATHER_MS.most);
      const pauseMs = lastTextAt + gatherMs - performance.now();
      if (pauseMs > 0 && buffer.hasOnlyDeltas && !counts.isFlushing) await pause.wait(pauseMs);
      const batch = buffer.takeBatch();
      const taken = counts.added - buffer.count;
      if (batch.some(isDelta)) {
        lastTextAt = performance.now();
        textBatches++;
      }
      await writeUntilTaken(batch);
      counts.noteWritten(taken);
    }
    writing = null;
  }

  async function writeUntilTaken(batch: readonly NewEvent[]): Promise<void> {
    for (let tries = 0; !isLost; tries++) {
      try {
        const startedAt = performance.now();
        if (!(await write(batch))) lose({ kind: 'lease_lost' });
        report('events.written', { durationMs: performance.now() - startedAt });
        isAway = false;
        return;
      } catch (error) {
        if (!isDatabaseAway(error)) return lose({ kind: 'refused', detail: toMessage(error) });
        isAway = true;
        // The lease limits the retries: its keeper ends the attempt when the lease runs out.
        await pause.wait(RETRY_DELAYS_MS[Math.min(tries, RETRY_DELAYS_MS.length - 1)] ?? 0);
      }
    }
  }

  return {
    add(event) {
      if (isLost) return;
      buffer.add(event);
      counts.added += 1;
      if (buffer.characters > MAX_BUFFERED_CHARACTERS) {
        if (isAway) return lose({ kind: 'away' });
        const detail = `More than ${MAX_BUFFERED_CHARACTERS} characters of events were waiting for the database.`;
        return lose({ kind: 'overflow', detail });
      }
      // Only text gains from waiting for more of it. Tool uses, results and the end are shown at once.
      if (!isDelta(event)) pause.end();
      writing ??= writeBuffer();
    },

    async flush() {
      const isWritten = counts.untilWritten();
      pause.end();
      await isWritten;
      // A batch may still be on its way to the database.
      if (isLost) await writing;
      return !isLost;
    },

    abandon,
  };
}

/** The numbers of events that were added and written, so that a flush waits only for the events before it. */
interface Counts {
  added: number;
  /** True when a flush waits. */
  readonly isFlushing: boolean;
  noteWritten(count: number): void;
  /** Resolves when the events that were added so far are written, or with `release`. */
  untilWritten(): Promise<void>;
  /** Ends every wait: nothing more will be written. */
  release(): void;
}

function createCounts(): Counts {
  const flushes = new Map<PromiseWithResolvers<void>, number>();
  let written = 0;
  const noteWritten = (count: number) => {
    written = Math.max(written, count);
    for (const [flush, target] of flushes) {
      if (target > written) continue;
      flushes.delete(flush);
      flush.resolve();
    }
  };
  return {
    added: 0,
    get isFlushing() {
      return flushes.size > 0;
    },
    noteWritten,
    untilWritten() {
      const flush = Promise.withResolvers<void>();
      flushes.set(flush, this.added);
      noteWritten(written);
      return flush.promise;
    },
    release: () => noteWritten(Infinity),
  };
}

/** A wait that `end` cuts short. */
interface Pause {
  wait(durationMs: number): Promise<void>;
  /** Ends the wait in progress, if any. */
  end(): void;
}

function createPause(): Pause {
  let endWait: (() => void) | null = null;
  return {
    async wait(durationMs) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = after(durationMs, resolve);
      endWait = resolve;
      await promise;
      clearTimeout(timer);
      endWait = null;
    },
    end: () => endWait?.(),
  };
}
