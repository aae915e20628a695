import { isFinalEvent, type RunEvent } from '../core/events.ts';
import { isFinal } from '../core/states.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import { readEvents } from '../run/read-events.ts';
import { findRun } from '../run/read-runs.ts';

/** How long a follower waits for a notification before it looks for itself: no lost notification is ever noticed. */
const LOOK_EVERY_MS = 5_000;

const PAGE_SIZE = 500;

interface FollowOptions {
  readonly runId: string;
  /** Events after this place in the log; 0 for all. */
  readonly after: number;
  readonly signal: AbortSignal;
}

/** Brings the events of runs to whoever follows them, from the database alone: any server serves any run. */
export interface EventHub {
  /**
   * A run's events from a place in its log on, as they are written, in order and each once; ends after the
   * final one. An empty batch is a sign of life. Nothing is read ahead: a follower that does not ask costs nothing.
   */
  follow(options: FollowOptions): AsyncGenerator<readonly RunEvent[], void, void>;
  /** Resolves at the next event of the run, or after `timeoutMs`, or when `signal` says so. */
  nextChange(options: { runId: string; timeoutMs: number; signal: AbortSignal }): Promise<void>;
  close(): Promise<void>;
}

/** What the followers of one run share: its waking, and reads of the same place. */
interface Watch {
  followers: number;
  version: number;
  readonly wakers: Set<() => void>;
  readonly reads: Map<string, Promise<RunEvent[]>>;
}

export async function createEventHub(database: Database): Promise<EventHub> {
  const watches = new Map<string, Watch>();
  let isClosed = false;

  const wake = (watch: Watch) => {
    watch.version++;
    for (const waker of watch.wakers) waker();
  };
  const stopListening = await database.listen(
    CHANNELS.events,
    (runId) => {
      const watch = watches.get(runId);
      if (watch) wake(watch);
    },
    () => watches.forEach(wake),
  );

  function enter(runId: string): Watch {
    let watch = watches.get(runId);
    if (watch === undefined) {
      watch = { followers: 0, version: 0, wakers: new Set(), reads: new Map() };
      watches.set(runId, watch);
    }
    watch.followers++;
    return watch;
  }

  function leave(runId: string, watch: Watch): void {
    if (--watch.followers === 0) watches.delete(runId);
  }

  /**
   * Followers that stand at the same place, as all that have caught up do, share one query. Not one that
   * was begun before the last notification, though: it may have missed what that was about.
   */
  function read(watch: Watch, options: { runId: string; after: number }): Promise<RunEvent[]> {
    const place = `${watch.version}:${options.after}`;
    let reading = watch.reads.get(place);
    if (reading === undefined) {
      reading = readEvents(database, { ...options, limit: PAGE_SIZE }).finally(() => watch.reads.delete(place));
      watch.reads.set(place, reading);
    }
    return reading;
  }

  async function* follow({ runId, after, signal }: FollowOptions): AsyncGenerator<readonly RunEvent[], void, void> {
    const watch = enter(runId);
    try {
      let cursor = after;
      // One that comes back after the end would wait for ever; so would one whose run was removed.
      let mayHaveEnded = true;
      while (!signal.aborted && !isClosed) {
        const { version } = watch;
        const events = await read(watch, { runId, after: cursor });
        const last = events.at(-1);
        if (last !== undefined) {
          cursor = last.seq;
          yield events;
          if (isFinalEvent(last)) return;
          mayHaveEnded = false;
        } else if (mayHaveEnded && (await hasEndedBy(cursor, runId))) {
          return;
        }
        // A full page has more behind it; a notification that came meanwhile has raised the version: look again.
        if (events.length === PAGE_SIZE || watch.version !== version) continue;
        if (await waitForWake(watch, { timeoutMs: LOOK_EVERY_MS, signal })) continue;
        mayHaveEnded = true;
        yield [];
      }
    } finally {
      leave(runId, watch);
    }
  }

  /** Whether the log holds nothing after `cursor` and never will: its reader has come back after the end. */
  async function hasEndedBy(cursor: number, runId: string): Promise<boolean> {
    const run = await findRun(database, runId);
    return run === null || (isFinal(run.status) && run.lastSeq <= cursor);
  }

  return {
    follow,
    async nextChange({ runId, timeoutMs, signal }) {
      const watch = enter(runId);
      try {
        await waitForWake(watch, { timeoutMs: Math.min(timeoutMs, LOOK_EVERY_MS), signal });
      } finally {
        leave(runId, watch);
      }
    },
    async close() {
      isClosed = true;
      watches.forEach(wake);
      await stopListening();
    },
  };
}

/** Whether the run was changed; false when time or the caller's patience ran out first. */
async function waitForWake(
  watch: Watch,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const onWake = () => resolve(true);
  const onAbort = () => resolve(false);
  const timer = setTimeout(onAbort, timeoutMs);
  watch.wakers.add(onWake);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    watch.wakers.delete(onWake);
    signal.removeEventListener('abort', onAbort);
  }
}
