import { setTimeout as pause } from 'node:timers/promises';
import { repeat } from '../core/timers.ts';
import type { Database } from '../db/database.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import { settle, type Owner } from './horizon.ts';
import { AWAY_LOOK_EVERY_MS, LOOK_EVERY_MS } from './timing.ts';

/** Milliseconds between updates of the watermark. Under load, the events of all runs share one update. */
const PACE_MS = 20;

interface SettlerOptions {
  readonly database: Database;
  /** Returns whether there are followers. Without followers the watermark is not updated. */
  readonly isFollowed: () => boolean;
  /** Called when the watermark advances, with the owners of the new events; null when any owner may have new events. */
  readonly onAdvance: (owners: readonly Owner[] | null) => void;
}

/** Maintains the watermark of the log of all runs, once for all followers. */
export interface Settler {
  /**
   * Returns the watermark, up to which the log is complete.
   * @throws the error of the last update, if it failed.
   */
  position(): number;
  /**
   * Updates the watermark to cover everything committed before the call; waits while the database is unreachable. Null
   * when closed.
   */
  fresh(): Promise<number | null>;
  /** Reports that events were written. */
  notice(): void;
  close(): Promise<void>;
}

export function createSettler({ database, isFollowed, onAdvance }: SettlerOptions): Settler {
  const closing = new AbortController();
  const { signal } = closing;
  let position: number | null = null;
  let failure: { readonly error: unknown } | null = null;
  let isNoticed = false;
  let looking: Promise<void> | null = null;
  /** Callers that wait for an update that starts after their call. */
  let waiting: PromiseWithResolvers<number | null>[] = [];

  /** Updates the watermark as long as needed, one update at a time. */
  async function lookOn(): Promise<void> {
    while (!signal.aborted && (waiting.length > 0 || (isNoticed && isFollowed()))) {
      const asked = waiting;
      waiting = [];
      isNoticed = false;
      const isReached = await look(asked);
      await pause(isReached ? PACE_MS : AWAY_LOOK_EVERY_MS, undefined, { signal }).catch(() => {}); // Rejects only when `signal` aborts.
    }
    looking = null;
  }

  /** Updates the watermark once. Returns false when the database is unreachable. */
  async function look(asked: PromiseWithResolvers<number | null>[]): Promise<boolean> {
    try {
      const settled = await settle(database, { since: position, signal });
      const isFirst = position === null;
      const hasFailed = failure !== null;
      failure = null;
      if (settled !== null) {
        ({ position } = settled);
        for (const { resolve } of asked) resolve(position);
        onAdvance(isFirst || hasFailed ? null : settled.owners);
      } else {
        for (const { resolve } of asked) resolve(null);
      }
      return true;
    } catch (error) {
      if (isDatabaseAway(error)) {
        waiting.unshift(...asked);
        isNoticed = true;
        return false;
      }
      failure = { error };
      for (const { reject } of asked) reject(error);
      onAdvance(null);
      return true;
    }
  }

  function notice(): void {
    isNoticed = true;
    begin();
  }

  function begin(): void {
    if (looking === null && (waiting.length > 0 || isFollowed()) && !signal.aborted) looking = lookOn();
  }

  const timer = repeat(LOOK_EVERY_MS, notice);
  return {
    position() {
      if (failure !== null) throw failure.error;
      return position ?? 0;
    },
    fresh() {
      if (signal.aborted) return Promise.resolve(null);
      const asking = Promise.withResolvers<number | null>();
      waiting.push(asking);
      begin();
      return asking.promise;
    },
    notice,
    async close() {
      clearInterval(timer);
      closing.abort();
      await looking;
      for (const { resolve } of waiting) resolve(null);
    },
  };
}
