import type { RunEvent } from '../core/events.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { EventPage } from '../run/log/read-events.ts';
import { createRunEvents, type FollowRunOptions, type PageRunOptions } from './follow-run.ts';
import {
  createVisibleEvents,
  type FollowVisibleOptions,
  type PageVisibleOptions,
  type VisibleBatch,
} from './follow-visible.ts';
import { createWatches, type Watches } from './watches.ts';

/** Delivers the events of runs to followers, from the database only, so any server can serve any run. */
export interface EventHub {
  /**
   * Follows a run's events from a place in its log, as they are written, in order and each once. Ends after the final
   * event. An empty batch is a heartbeat. Reads nothing ahead: an idle follower costs nothing.
   */
  follow(options: FollowRunOptions): AsyncGenerator<readonly RunEvent[], void, void>;
  /**
   * Reads the next events of a run, at most `limit`. If there is none yet and the run can still write one, waits for
   * it.
   */
  page(options: PageRunOptions): Promise<EventPage<RunEvent>>;
  /**
   * Follows the events of all runs that the viewer may see, from a position, as they are written, in order of position
   * and each once. The first batch has no events; its cursor is the start. Later batches without events are heartbeats;
   * `null` is a heartbeat before the start. Reads nothing ahead.
   */
  followVisible(options: FollowVisibleOptions): AsyncGenerator<VisibleBatch | null, void, void>;
  /** Reads the next events of all runs that the viewer may see, at most `limit`; waits for one if there is none. */
  pageVisible(options: PageVisibleOptions): Promise<VisibleBatch>;
  /** Starts to watch for notifications of `CHANNELS.events` about anything else than a run, by its id. */
  watch(id: string): ChangeWatch;
  /** Starts to watch for the end of a run. Start it before the run is read, and close it afterwards. */
  watchEnd(runId: string): EndWatch;
  close(): Promise<void>;
}

/** Reports when something may have changed. */
export interface ChangeWatch {
  /**
   * Resolves when it may have changed since the watch started or this last resolved, after `timeoutMs`, or on
   * `signal`.
   */
  next(options: { timeoutMs: number; signal: AbortSignal }): Promise<void>;
  close(): void;
}

/** Reports when a run may have ended. */
export type EndWatch = ChangeWatch;

export async function createEventHub(database: Database): Promise<EventHub> {
  const runs = createRunEvents(database);
  const visible = createVisibleEvents(database);
  const ends = createWatches();
  const changes = createWatches();
  const onEvents = (runId: string) => {
    runs.notice(runId);
    changes.wake(runId);
    visible.notice();
  };
  const onEventsMissed = () => {
    runs.noticeAll();
    changes.wakeAll();
    visible.notice();
  };
  const stops = [
    await database.listen(CHANNELS.events, onEvents, onEventsMissed),
    await database.listen(CHANNELS.ends, ends.wake, ends.wakeAll),
  ];

  return {
    follow: runs.follow,
    page: runs.page,
    followVisible: visible.follow,
    pageVisible: visible.page,
    watch: (id) => watchKey(changes, id),
    watchEnd: (runId) => watchKey(ends, runId),
    async close() {
      runs.close();
      ends.close();
      changes.close();
      await visible.close();
      for (const stop of stops) await stop();
    },
  };
}

function watchKey(watches: Watches, key: string): ChangeWatch {
  const watcher = watches.enter(key);
  let { version } = watcher;
  return {
    async next(options) {
      if (watcher.version === version) await watcher.wait(options);
      ({ version } = watcher);
    },
    close: watcher.leave,
  };
}
