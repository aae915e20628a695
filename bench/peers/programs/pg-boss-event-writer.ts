import type pg from 'pg';
import type { RunEvent } from './event-stream.ts';
import { storeEvents } from './pg-boss-database.ts';

/** Milliseconds for which text is collected before it is stored. */
const COLLECT_MS = 50;

export interface EventWriter {
  write(event: RunEvent): void;
  /** Resolves when all events are stored; rejects when some could not be. */
  end(): Promise<void>;
}

/** Stores the events of a run in order, pieces of text that arrive together as one. */
export function createEventWriter(pool: pg.Pool, runId: string): EventWriter {
  let collected: RunEvent[] = [];
  let writing = Promise.resolve();
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    timer = null;
    const events = collected;
    collected = [];
    if (events.length === 0) return;
    writing = writing.then(() => storeEvents(pool, runId, events));
    // `end` reports it.
    writing.catch(() => {});
  }

  return {
    write(event) {
      const last = collected.at(-1);
      if (event.type === 'text' && last?.type === 'text') {
        collected[collected.length - 1] = { type: 'text', text: last.text + event.text };
      } else {
        collected.push(event);
      }
      timer ??= setTimeout(flush, COLLECT_MS);
    },
    async end() {
      if (timer !== null) clearTimeout(timer);
      flush();
      await writing;
    },
  };
}
