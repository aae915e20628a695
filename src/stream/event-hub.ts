import { isFinalEvent, type RunEvent } from '../core/events.ts';
import { isFinal } from '../core/states.ts';
import { CHANNELS, type Channel, type Database } from '../db/database.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import { readEvents } from '../run/read-events.ts';
import { findRun } from '../run/read-runs.ts';

/** How long a follower waits for a notification before it looks for itself: no lost notification is ever noticed. */
const LOOK_EVERY_MS = 5_000;

/** The same while the database is away: then no notification comes. */
const AWAY_LOOK_EVERY_MS = 1_000;

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
  /** Begins to watch for the end of a run. To be begun before the run is looked at, and closed. */
  watchEnd(runId: string): EndWatch;
  close(): Promise<void>;
}

/** Says when a run may have ended. */
export interface EndWatch {
  /** Resolves when it has, since the watch began or this last resolved; or after `timeoutMs`, or when `signal` says so. */
  next(options: { timeoutMs: number; signal: AbortSignal }): Promise<void>;
  close(): void;
}

/** What the followers of one run share: its waking, and reads of the same place. */
interface Watch {
  followers: number;
  version: number;
  readonly wakers: Set<() => void>;
  readonly reads: Map<string, Promise<RunEvent[]>>;
}

export async function createEventHub(database: Database): Promise<EventHub> {
  /** Of runs that are followed, and of runs whose end is waited for. */
  const watches = new Map<string, Watch>();
  const endWatches = new Map<string, Watch>();
  let isClosed = false;

  const wake = (watch: Watch) => {
    watch.version++;
    for (const waker of watch.wakers) waker();
  };
  const listenFor = (channel: Channel, awaited: Map<string, Watch>) =>
    database.listen(
      channel,
      (runId) => {
        const watch = awaited.get(runId);
        if (watch) wake(watch);
      },
      () => awaited.forEach(wake),
    );
  const stops = [await listenFor(CHANNELS.events, watches), await listenFor(CHANNELS.ends, endWatches)];

  function enter(awaited: Map<string, Watch>, runId: string): Watch {
    let watch = awaited.get(runId);
    if (watch === undefined) {
      watch = { followers: 0, version: 0, wakers: new Set(), reads: new Map() };
      awaited.set(runId, watch);
    }
    watch.followers++;
    return watch;
  }

  function leave(awaited: Map<string, Watch>, runId: string): void {
    const watch = awaited.get(runId);
    if (watch !== undefined && --watch.followers === 0) awaited.delete(runId);
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
    const watch = enter(watches, runId);
    try {
      let cursor = after;
      // One that comes back after the end would wait for ever; so would one whose run was removed.
      let mayHaveEnded = true;
      while (!signal.aborted && !isClosed) {
        const { version } = watch;
        const events = await readOrAway(watch, { runId, after: cursor });
        if (events === null) {
          // It is a reader's to say when to give up.
          mayHaveEnded = true;
          yield [];
          await waitForWake(watch, { timeoutMs: AWAY_LOOK_EVERY_MS, signal });
          continue;
        }
        const last = events.at(-1);
        if (last !== undefined) {
          cursor = last.seq;
          yield events;
          if (isFinalEvent(last)) return;
          mayHaveEnded = false;
        } else if (mayHaveEnded) {
          if (await hasEndedBy(cursor, runId)) return;
          mayHaveEnded = false;
        }
        // A full page has more behind it; a notification that came meanwhile has raised the version: look again.
        if (events.length === PAGE_SIZE || watch.version !== version) continue;
        if (await waitForWake(watch, { timeoutMs: LOOK_EVERY_MS, signal })) continue;
        mayHaveEnded = true;
        yield [];
      }
    } finally {
      leave(watches, runId);
    }
  }

  /** Null when the database cannot be reached just now. */
  async function readOrAway(watch: Watch, options: { runId: string; after: number }): Promise<RunEvent[] | null> {
    try {
      return await read(watch, options);
    } catch (error) {
      if (isDatabaseAway(error)) return null;
      throw error;
    }
  }

  /** Whether the log holds nothing after `cursor` and never will: its reader has come back after the end. */
  async function hasEndedBy(cursor: number, runId: string): Promise<boolean> {
    try {
      const run = await findRun(database, runId);
      return run === null || (isFinal(run.status) && run.lastSeq <= cursor);
    } catch (error) {
      if (isDatabaseAway(error)) return false; // It is looked at again.
      throw error;
    }
  }

  return {
    follow,
    watchEnd(runId) {
      const watch = enter(endWatches, runId);
      let { version } = watch;
      return {
        async next({ timeoutMs, signal }) {
          if (watch.version === version) {
            await waitForWake(watch, { timeoutMs: Math.min(timeoutMs, LOOK_EVERY_MS), signal });
          }
          ({ version } = watch);
        },
        close: () => leave(endWatches, runId),
      };
    },
    async close() {
      isClosed = true;
      for (const awaited of [watches, endWatches]) awaited.forEach(wake);
      for (const stop of stops) await stop();
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
