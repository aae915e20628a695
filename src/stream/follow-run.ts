import { isFinalEvent, type RunEvent } from '../core/events.ts';
import { isFinal } from '../core/states.ts';
import type { Database } from '../db/database.ts';
import { readEvents, type EventPage } from '../run/log/read-events.ts';
import { findRun } from '../run/read/read-runs.ts';
import { SEES_ALL } from '../run/viewer.ts';
import { nullIfAway } from './null-if-away.ts';
import { AWAY_LOOK_EVERY_MS } from './timing.ts';
import { NO_TURNS, type Turns } from './turns.ts';
import { createWatches, type Watcher } from './watches.ts';

const PAGE_SIZE = 500;

interface Place {
  readonly runId: string;
  /** Events after this `seq` in the log; 0 for all. */
  readonly after: number;
}

interface PlaceOptions extends Place {
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
  const watches = createWatches();
  let isClosed = false;

  /** Reads events; null when the database is unreachable. */
  function readIfThere(watcher: Watcher, { runId, after }: Place): Promise<EventPage<RunEvent> | null> {
    const place = { runId, after, limit: PAGE_SIZE };
    return watcher.readShared(`${after}`, () => nullIfAway(() => readEvents(database, place)));
  }

  /** Returns whether the log has no events after a place and never will, because the run has ended. */
  function hasEnded(watcher: Watcher, { runId, after }: Place): Promise<boolean> {
    return watcher.readShared(`end:${after}`, () => hasEndedBy(database, after, runId));
  }

  async function* follow(options: FollowRunOptions): AsyncGenerator<readonly RunEvent[], void, void> {
    const { runId, after, signal, turns = NO_TURNS } = options;
    const watcher = watches.enter(runId);
    try {
      let cursor = after;
      // True at first: the run may have ended, or been deleted, before the follower came.
      let mayHaveEnded = true;
      while (!signal.aborted && !isClosed) {
        const { version } = watcher;
        let page: EventPage<RunEvent> | null;
        const leave = await turns.enter();
        try {
          page = await readIfThere(watcher, { runId, after: cursor });
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
          await watcher.wait({ timeoutMs: AWAY_LOOK_EVERY_MS, signal });
          continue;
        }
        if (page.events.length === 0 && mayHaveEnded) {
          if (await hasEnded(watcher, { runId, after: cursor })) return;
          mayHaveEnded = false;
        }
        // A notification during the read has raised the version: read again.
        if (page.hasMore || watcher.version !== version) continue;
        if (await watcher.wait({ signal })) continue;
        mayHaveEnded = true;
        yield [];
      }
    } finally {
      watcher.leave();
    }
  }

  async function page({ runId, after, limit, waitMs, signal }: PageRunOptions): Promise<EventPage<RunEvent>> {
    const endAt = performance.now() + waitMs;
    const watcher = watches.enter(runId);
    try {
      for (;;) {
        const { version } = watcher;
        const page = await watcher.readShared(`page:${after}:${limit}`, () =>
          readEvents(database, { runId, after, limit }),
        );
        const timeoutMs = endAt - performance.now();
        if (page.events.length > 0 || timeoutMs <= 0 || signal.aborted || isClosed) return page;
        if (await hasEnded(watcher, { runId, after })) return page;
        if (watcher.version === version) await watcher.wait({ timeoutMs, signal });
      }
    } finally {
      watcher.leave();
    }
  }

  return {
    follow,
    page,
    notice: watches.wake,
    noticeAll: watches.wakeAll,
    close() {
      isClosed = true;
      watches.close();
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
