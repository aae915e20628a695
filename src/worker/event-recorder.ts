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

const RETRY_DELAYS_MS = [100, 250, 500, 1_000, 2_000];

interface RecorderOptions {
  /** Writes a batch; false when the lease is lost. Throws when the database cannot be reached. */
  readonly write: (events: readonly NewEvent[]) => Promise<boolean>;
  /** Told once when events can no longer be recorded: the attempt has to end. */
  readonly onLost: (reason: 'lease_lost' | 'buffer_full') => void;
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
  let buffer: NewEvent[] = [];
  let bufferedCharacters = 0;
  let lastTextAt = -Infinity;
  let textBatches = 0;
  let isLost = false;
  let isFlushing = false;
  let writing: Promise<void> | null = null;
  let endPause: (() => void) | null = null;

  function lose(reason: 'lease_lost' | 'buffer_full'): void {
    if (isLost) return;
    isLost = true;
    buffer = [];
    endPause?.();
    onLost(reason);
  }

  /** The only writer: runs while there is something to write, so batches cannot overtake each other. */
  async function writeBuffer(): Promise<void> {
    while (buffer.length > 0) {
      const gatherMs = Math.min(GATHER_MS.first + textBatches * GATHER_MS.growth, GATHER_MS.most);
      const pauseMs = lastTextAt + gatherMs - performance.now();
      if (pauseMs > 0 && buffer.every(isDelta) && !isFlushing) await pause(pauseMs);
      const batch = mergeDeltas(buffer);
      buffer = [];
      bufferedCharacters = 0;
      if (batch.some(isDelta)) {
        lastTextAt = performance.now();
        textBatches++;
      }
      if (batch.length > 0 && !(await writeUntilTaken(batch))) lose('lease_lost');
    }
    writing = null;
  }

  async function writeUntilTaken(batch: readonly NewEvent[]): Promise<boolean> {
    for (let tries = 0; !isLost; tries++) {
      try {
        return await write(batch);
      } catch (error) {
        // Refused for what it is, it would be again.
        if (!isDatabaseAway(error)) return false;
        // How long to go on is the lease's to say: its keeper ends the attempt when it runs out.
        await pause(RETRY_DELAYS_MS[Math.min(tries, RETRY_DELAYS_MS.length - 1)] ?? 0);
      }
    }
    return false;
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
      buffer.push(event);
      bufferedCharacters += sizeOf(event);
      if (bufferedCharacters > MAX_BUFFERED_CHARACTERS) return lose('buffer_full');
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
