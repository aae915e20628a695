import { isFinalEvent, type RunEvent } from '../core/events.ts';
import { isFinal } from '../core/states.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import { readEvents, type EventPage } from '../run/log/read-events.ts';
import { findRun } from '../run/read/read-runs.ts';
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
  /** Events after this `seq` in the log; 0 for all. */
  readonly after: number;
  readonly signal: AbortSignal;
}

interface FollowOptions extends PlaceOptions {
  /** Limits concurrent reads among the subscriptions of one client. Defaults to no limit. */
  readonly turns?: Turns | undefined;
}

interface PageOptions extends PlaceOptions {
  readonly limit: number;
  readonly waitMs: number;
}

/** Delivers the events of runs to followers, from the database only, so any server can serve any run. */
export interface EventHub {
  /**
   * Follows a run's events from a place in its log, as they are written, in order and each once. Ends after the final
   * event. An empty batch is a heartbeat. Reads nothing ahead: an idle follower costs nothing.
   */
  follow(options: FollowOptions): AsyncGenerator<readonly RunEvent[], void, void>;
  /**
   * Reads the next events of a run, at most `limit`. If there is none yet and the run can still write one, waits for
   * it.
   */
  page(options: PageOptions): Promise<EventPage<RunEvent>>;
  /**
   * Follows the events of all runs that the viewer may see, from a position, as they are written, in order of position
   * and each once. The first batch has no events; its cursor is the start. Later batches without events are heartbeats;
   * `null` is a heartbeat before the start. Reads nothing ahead.
   */
  followVisible(options: FollowVisibleOptions): AsyncGenerator<VisibleBatch | null, void, void>;
  /** Reads the next events of all runs that the viewer may see, at most `limit`; waits for one if there is none. */
  pageVisible(options: PageVisibleOptions): Promise<VisibleBatch>;
  /** Starts to watch for the end of a run. Start it before the run is read, and close it afterwards. */
  watchEnd(runId: string): EndWatch;
  close(): Promise<void>;
}

/** Reports when a run may have ended. */
export interface EndWatch {
  /**
   * Resolves when the run may have ended since the watch started or this last resolved, after `timeoutMs`, or on
   * `signal`.
   */
  next(options: { timeoutMs: number; signal: AbortSignal }): Promise<void>;
  close(): void;
}

export async function createEventHub(database: Database): Promise<EventHub> {
  /** Watches for runs that are followed, for the end of runs, and for all runs that a viewer may see. */
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
      // Otherwise a follower that resumes after the end, or whose run was deleted, would wait for ever.
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
          // The client decides when to give up.
          mayHaveEnded = true;
          yield [];
          await waitForWake(watch, { timeoutMs: AWAY_LOOK_EVERY_MS, signal });
          continue;
        }
        if (page.events.length === 0 && mayHaveEnded) {
          if (await hasEndedBy(cursor, runId)) return;
          mayHaveEnded = false;
        }
        // A notification during the read has raised the version: read again.
        if (page.hasMore || watch.version !== version) continue;
        if (await waitForWake(watch, { timeoutMs: LOOK_EVERY_MS, signal })) continue;
        mayHaveEnded = true;
        yield [];
      }
    } finally {
      watches.leave(runId);
    }
  }

  /** Reads a page; null when the database is unreachable. */
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

  /** Returns whether the log has no events after `cursor` and never will, because the run has ended. */
  async function hasEndedBy(cursor: number, runId: string): Promise<boolean> {
    try {
      const run = await findRun(database, { runId, viewer: SEES_ALL });
      return run === null || (isFinal(run.status) && run.lastSeq <= cursor);
    } catch (error) {
      if (isDatabaseAway(error)) return false; // The check is repeated later.
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
