import type { EventType } from '../core/events.ts';
import { guarded } from '../core/guard.ts';
import { after } from '../core/timers.ts';
import type { Database } from '../db/database.ts';
import { readVisibleEvents, type PlacedEvent } from '../run/log/read-events.ts';
import type { Viewer } from '../run/viewer.ts';
import type { Owner } from './horizon.ts';
import { nullIfAway } from './null-if-away.ts';
import { createSettler } from './settler.ts';
import { AWAY_LOOK_EVERY_MS, LOOK_EVERY_MS } from './timing.ts';
import { NO_TURNS, type Turns } from './turns.ts';
import { createWatches, type Watcher } from './watches.ts';

const PAGE_SIZE = 200;

/** Events of many runs, and the cursor after them. */
export interface VisibleBatch {
  readonly cursor: number;
  readonly events: readonly PlacedEvent[];
}

export interface FollowVisibleOptions {
  readonly viewer: Viewer;
  /** Only events of these types; null or undefined for events of all types. */
  readonly types?: readonly EventType[] | null | undefined;
  /** Events after this position; null for new events only. */
  readonly after: number | null;
  readonly signal: AbortSignal;
  /** Limits concurrent reads among the subscriptions of one client. Defaults to no limit. */
  readonly turns?: Turns | undefined;
}

export interface PageVisibleOptions extends Omit<FollowVisibleOptions, 'turns'> {
  readonly limit: number;
  /** Milliseconds to wait for an event if there is none. */
  readonly waitMs: number;
}

/** Delivers the events of all runs that a viewer may see to its followers. */
export interface VisibleEvents {
  follow(options: FollowVisibleOptions): AsyncGenerator<VisibleBatch | null, void, void>;
  page(options: PageVisibleOptions): Promise<VisibleBatch>;
  /** Reports that events were written. */
  notice(): void;
  close(): Promise<void>;
}

/** Creates the part of the event hub that delivers the events of many runs, by position, up to the watermark. */
export function createVisibleEvents(database: Database): VisibleEvents {
  const watches = createWatches();
  let isClosed = false;
  const settler = createSettler({
    database,
    isFollowed: () => watches.size > 0,
    onAdvance(owners) {
      if (owners === null) return watches.wakeAll();
      for (const key of new Set(owners.flatMap(toWatcherKeys))) watches.wake(key);
    },
  });

  const read = (watcher: Watcher, options: Omit<ReadOptions, 'upTo'>) =>
    readUpTo({ database, watcher }, { ...options, upTo: settler.position() });

  async function* follow(options: FollowVisibleOptions): ReturnType<VisibleEvents['follow']> {
    const { viewer, types = null, after, signal, turns = NO_TURNS } = options;
    const watcher = watches.enter(toKey(viewer));
    try {
      const newest = yield* awaitStart(settler.fresh(), signal);
      if (newest === null) return;
      let cursor = toPossible(after, newest);
      yield { cursor, events: [] };
      while (!signal.aborted && !isClosed) {
        const { version } = watcher;
        let found: FoundBatch | null;
        const leave = await turns.enter();
        try {
          found = await nullIfAway(() => read(watcher, { viewer, types, after: cursor, limit: PAGE_SIZE }));
          if (found !== null) {
            ({ cursor } = found);
            if (found.events.length > 0) yield found;
          }
        } finally {
          leave();
        }
        // A change during the read has raised the version: read again.
        if (found !== null && (found.hasMore || watcher.version !== version)) continue;
        const pace = found === null ? { timeoutMs: AWAY_LOOK_EVERY_MS } : {};
        if (!(await watcher.wait({ ...pace, signal })) || found === null) yield { cursor, events: [] };
      }
    } finally {
      watcher.leave();
    }
  }

  async function page(options: PageVisibleOptions): Promise<VisibleBatch> {
    const { viewer, types = null, after, limit, waitMs, signal } = options;
    const endAt = performance.now() + waitMs;
    const watcher = watches.enter(toKey(viewer));
    try {
      const start = settler.fresh();
      await isSettledWithin(start, { timeoutMs: Math.max(waitMs, LOOK_EVERY_MS), signal });
      const newest = await Promise.race([start, Promise.resolve(null)]);
      // Without a watermark yet, the page can only return its start.
      let cursor = newest === null ? (after ?? settler.position()) : toPossible(after, newest);
      for (;;) {
        const { version } = watcher;
        const { events, cursor: next } = await read(watcher, { viewer, types, after: cursor, limit });
        cursor = next;
        const timeoutMs = endAt - performance.now();
        if (events.length > 0 || timeoutMs <= 0 || signal.aborted || isClosed) return { cursor, events };
        if (watcher.version === version) await watcher.wait({ timeoutMs, signal });
      }
    } finally {
      watcher.leave();
    }
  }

  return {
    follow,
    page,
    notice: settler.notice,
    async close() {
      isClosed = true;
      await settler.close();
      watches.close();
    },
  };
}

/** Waits for a fresh watermark, with heartbeats. Returns null when the follower left or the hub was closed. */
async function* awaitStart(start: Promise<number | null>, signal: AbortSignal): AsyncGenerator<null, number | null> {
  while (!(await isSettledWithin(start, { timeoutMs: LOOK_EVERY_MS, signal }))) {
    if (signal.aborted) return null;
    yield null;
  }
  return start;
}

interface ReadOptions {
  readonly viewer: Viewer;
  readonly types: readonly EventType[] | null;
  readonly after: number;
  /** The watermark. */
  readonly upTo: number;
  readonly limit: number;
}

interface FoundBatch extends VisibleBatch {
  readonly hasMore: boolean;
}

/**
 * Reads the next events and the cursor after them. If the page has all events up to the watermark, the cursor is the
 * watermark, so that the next read does not scan the events of other owners again.
 */
async function readUpTo(
  { database, watcher }: { database: Database; watcher: Watcher },
  { viewer, types, after, upTo, limit }: ReadOptions,
): Promise<FoundBatch> {
  if (upTo <= after) return { cursor: after, events: [], hasMore: false };
  const { events, hasMore } = await watcher.readShared(`${upTo}:${after}:${limit}:${types?.join() ?? ''}`, () =>
    readVisibleEvents(database, { viewer, types, after, upTo, limit }),
  );
  return { cursor: hasMore ? events.at(-1)!.position : upTo, events, hasMore };
}

/**
 * Limits a cursor to the end of the log. A cursor beyond the end comes from a database that was restored to an earlier
 * state, or the events before it were deleted; all new events come after the end.
 */
function toPossible(after: number | null, newest: number): number {
  return after === null ? newest : Math.min(after, newest);
}

function toKey({ user, team }: Viewer): string {
  return JSON.stringify([user, team]);
}

/** Returns the keys of the viewers that may see the events of an owner. */
function toWatcherKeys({ user, team, tenant }: Owner): string[] {
  return [
    { user, team },
    ...(tenant === null ? [{ user, team: null }] : []),
    { user: null, team },
    { user: null, team: null },
  ].map(toKey);
}

/** Returns whether a promise resolves or rejects within `timeoutMs`; false on a timeout or when `signal` aborts. */
async function isSettledWithin(
  promise: Promise<unknown>,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  const { promise: given, resolve } = Promise.withResolvers<boolean>();
  const giveUp = guarded(() => resolve(false));
  const timer = after(timeoutMs, giveUp);
  signal.addEventListener('abort', giveUp, { once: true });
  if (signal.aborted) giveUp();
  promise.then(
    () => resolve(true),
    () => resolve(true), // The code that awaits the promise receives the error.
  );
  try {
    return await given;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', giveUp);
  }
}
