import { isFinalEvent, type RunEvent } from '../core/events.ts';
import { isFinal } from '../core/states.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import { readEvents, type EventPage } from '../run/read-events.ts';
import { findRun } from '../run/read-runs.ts';
import {
  createVisibleEvents,
  type FollowVisibleOptions,
  type PageVisibleOptions,
  type VisibleBatch,
} from './follow-visible.ts';
import { AWAY_LOOK_EVERY_MS, LOOK_EVERY_MS } from './timing.ts';
import { NO_TURNS, type Turns } from './turns.ts';
import { createWatches, readShared, waitForWake, type Watch } from './watches.ts';
import { SEES_ALL } from '../run/viewer.ts';

const PAGE_SIZE = 500;

interface PlaceOptions {
  readonly runId: string;
  /** Events after this place in the log; 0 for all. */
  readonly after: number;
  readonly signal: AbortSignal;
}

interface FollowOptions extends PlaceOptions {
  /** Those that share a reader take turns. Defaults to one of its own. */
  readonly turns?: Turns | undefined;
}

interface PageOptions extends PlaceOptions {
  readonly limit: number;
  readonly waitMs: number;
}

/** Brings the events of runs to whoever follows them, from the database alone: any server serves any run. */
export interface EventHub {
  /**
   * A run's events from a place in its log on, as they are written, in order and each once; ends after the
   * final one. An empty batch is a sign of life. Nothing is read ahead: a follower that does not ask costs nothing.
   */
  follow(options: FollowOptions): AsyncGenerator<readonly RunEvent[], void, void>;
  /** The next events of a run, at most `limit`; waits for one where there is none yet and one may come. */
  page(options: PageOptions): Promise<EventPage<RunEvent>>;
  /**
   * The events of all runs that somebody may see, from a position on, as they are written, by position and each once.
   * First comes a batch without events: its cursor is where it begins. Later ones are signs of life, `null` where it has
   * not begun yet. Nothing is read ahead.
   */
  followVisible(options: FollowVisibleOptions): AsyncGenerator<VisibleBatch | null, void, void>;
  /** The next of these events, at most `limit`; waits for one where there is none. */
  pageVisible(options: PageVisibleOptions): Promise<VisibleBatch>;
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

export async function createEventHub(database: Database): Promise<EventHub> {
  /** Of runs that are followed, of runs whose end is waited for, and of all runs that somebody may see. */
  const watches = createWatches<EventPage<RunEvent>>();
  const endWatches = createWatches<never>();
  const visible = createVisibleEvents(database);
  let isClosed = false;

  const onEvents = (runId: string) => {
    watches.wake(runId);
    visible.notice();
  };
  const onEventsMissed = () => {
    watches.wakeAll();
    visible.notice();
  };
  const stops = [
    await database.listen(CHANNELS.events, onEvents, onEventsMissed),
    await database.listen(CHANNELS.ends, endWatches.wake, endWatches.wakeAll),
  ];

  function read(watch: Watch<EventPage<RunEvent>>, options: { runId: string; after: number; limit: number }) {
    return readShared(watch, `${options.after}:${options.limit}`, () => readEvents(database, options));
  }

  async function* follow(options: FollowOptions): AsyncGenerator<readonly RunEvent[], void, void> {
    const { runId, after, signal, turns = NO_TURNS } = options;
    const watch = watches.enter(runId);
    try {
      let cursor = after;
      // One that comes back after the end would wait for ever; so would one whose run was removed.
      let mayHaveEnded = true;
      while (!signal.aborted && !isClosed) {
        const { version } = watch;
        let page: EventPage<RunEvent> | null;
        const leave = await turns.enter();
        try {
          page = await readOrAway(watch, { runId, after: cursor });
          const last = page?.events.at(-1);
          if (page !== null && last !== undefined) {
            cursor = last.seq;
            yield page.events;
            if (isFinalEvent(last)) return;
            mayHaveEnded = false;
          }
        } finally {
          leave();
        }
        if (page === null) {
          // It is a reader's to say when to give up.
          mayHaveEnded = true;
          yield [];
          await waitForWake(watch, { timeoutMs: AWAY_LOOK_EVERY_MS, signal });
          continue;
        }
        if (page.events.length === 0 && mayHaveEnded) {
          if (await hasEndedBy(cursor, runId)) return;
          mayHaveEnded = false;
        }
        // A notification that came meanwhile has raised the version: look again.
        if (page.hasMore || watch.version !== version) continue;
        if (await waitForWake(watch, { timeoutMs: LOOK_EVERY_MS, signal })) continue;
        mayHaveEnded = true;
        yield [];
      }
    } finally {
      watches.leave(runId);
    }
  }

  /** Null when the database cannot be reached just now. */
  async function readOrAway(
    watch: Watch<EventPage<RunEvent>>,
    options: { runId: string; after: number },
  ): Promise<EventPage<RunEvent> | null> {
    try {
      return await read(watch, { ...options, limit: PAGE_SIZE });
    } catch (error) {
      if (isDatabaseAway(error)) return null;
      throw error;
    }
  }

  /** Whether the log holds nothing after `cursor` and never will: its reader has come back after the end. */
  async function hasEndedBy(cursor: number, runId: string): Promise<boolean> {
    try {
      const run = await findRun(database, { runId, viewer: SEES_ALL });
      return run === null || (isFinal(run.status) && run.lastSeq <= cursor);
    } catch (error) {
      if (isDatabaseAway(error)) return false; // It is looked at again.
      throw error;
    }
  }

  async function page({ runId, after, limit, waitMs, signal }: PageOptions): Promise<EventPage<RunEvent>> {
    const endAt = performance.now() + waitMs;
    const watch = watches.enter(runId);
    try {
      for (;;) {
        const { version } = watch;
        const page = await read(watch, { runId, after, limit });
        const timeoutMs = endAt - performance.now();
        if (page.events.length > 0 || timeoutMs <= 0 || signal.aborted || isClosed) return page;
        if (await hasEndedBy(after, runId)) return page;
        if (watch.version === version)
          await waitForWake(watch, { timeoutMs: Math.min(timeoutMs, LOOK_EVERY_MS), signal });
      }
    } finally {
      watches.leave(runId);
    }
  }

  return {
    follow,
    page,
    followVisible: visible.follow,
    pageVisible: visible.page,
    watchEnd(runId) {
      const watch = endWatches.enter(runId);
      let { version } = watch;
      return {
        async next({ timeoutMs, signal }) {
          if (watch.version === version) {
            await waitForWake(watch, { timeoutMs: Math.min(timeoutMs, LOOK_EVERY_MS), signal });
          }
          ({ version } = watch);
        },
        close: () => endWatches.leave(runId),
      };
    },
    async close() {
      isClosed = true;
      for (const awaited of [watches, endWatches]) awaited.wakeAll();
      await visible.close();
      for (const stop of stops) await stop();
    },
  };
}
