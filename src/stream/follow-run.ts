import { isFinalEvent, type RunEvent } from '../core/events.ts';
import { isFinal } from '../core/states.ts';
import type { Database } from '../db/database.ts';
import { readEvents, type EventPage } from '../run/log/read-events.ts';
import { findRun } from '../run/read/read-runs.ts';
import { SEES_ALL } from '../run/viewer.ts';
import { nullIfAway } from './null-if-away.ts';
import { AWAY_LOOK_EVERY_MS, LOOK_EVERY_MS } from './timing.ts';
import { NO_TURNS, type Turns } from './turns.ts';
import { createWatches, readShared, waitForWake, type Watch } from './watches.ts';

const PAGE_SIZE = 500;

interface PlaceOptions {
  readonly runId: string;
  /** Events after this `seq` in the log; 0 for all. */
  readonly after: number;
  readonly signal: AbortSignal;
}

export interface FollowRunOptions extends PlaceOptions {
  /** Limits concurrent reads among the subscriptions of one client. Defaults to no limit. */
  readonly turns?: Turns | undefined;
}

export interface PageRunOptions extends PlaceOptions {
  readonly limit: number;
  readonly waitMs: number;
}

/** Delivers the events of single runs to their followers. */
export interface RunEvents {
  follow(options: FollowRunOptions): AsyncGenerator<readonly RunEvent[], void, void>;
  page(options: PageRunOptions): Promise<EventPage<RunEvent>>;
  /** Reports that events of a run were written. */
  notice(runId: string): void;
  /** Reports that events of any run may have been written. */
  noticeAll(): void;
  close(): void;
}

/** Creates the part of the event hub that delivers the events of one run, by `seq`, up to its final event. */
export function createRunEvents(database: Database): RunEvents {
  const watches = createWatches<EventPage<RunEvent>>();
  let isClosed = false;

  function read(watch: Watch<EventPage<RunEvent>>, options: { runId: string; after: number; limit: number }) {
    return readShared(watch, `${options.after}:${options.limit}`, () => readEvents(database, options));
  }

  async function* follow(options: FollowRunOptions): AsyncGenerator<readonly RunEvent[], void, void> {
    const { runId, after, signal, turns = NO_TURNS } = options;
    const watch = watches.enter(runId);
    try {
      let cursor = after;
      // True at first: the run may have ended, or been deleted, before the follower came.
      let mayHaveEnded = true;
      while (!signal.aborted && !isClosed) {
        const { version } = watch;
        let page: EventPage<RunEvent> | null;
        const leave = await turns.enter();
        try {
          page = await nullIfAway(() => read(watch, { runId, after: cursor, limit: PAGE_SIZE }));
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
          if (await hasEndedBy(database, cursor, runId)) return;
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

  async function page({ runId, after, limit, waitMs, signal }: PageRunOptions): Promise<EventPage<RunEvent>> {
    const endAt = performance.now() + waitMs;
    const watch = watches.enter(runId);
    try {
      for (;;) {
        const { version } = watch;
        const page = await read(watch, { runId, after, limit });
        const timeoutMs = endAt - performance.now();
        if (page.events.length > 0 || timeoutMs <= 0 || signal.aborted || isClosed) return page;
        if (await hasEndedBy(database, after, runId)) return page;
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
    notice: watches.wake,
    noticeAll: watches.wakeAll,
    close() {
      isClosed = true;
      watches.wakeAll();
    },
  };
}

/** Returns whether the log has no events after `cursor` and never will, because the run has ended. */
async function hasEndedBy(database: Database, cursor: number, runId: string): Promise<boolean> {
  const found = await nullIfAway(async () => ({ run: await findRun(database, { runId, viewer: SEES_ALL }) }));
  if (found === null) return false; // The check is repeated later.
  const { run } = found;
  return run === null || (isFinal(run.status) && run.lastSeq <= cursor);
}
