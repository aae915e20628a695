import { setTimeout as pause } from 'node:timers/promises';
import { repeat } from '../core/timers.ts';
import type { Database } from '../db/database.ts';
import { isDatabaseAway } from '../db/is-database-away.ts';
import { settle, type Owner } from './horizon.ts';
import { AWAY_LOOK_EVERY_MS, LOOK_EVERY_MS } from './timing.ts';

/** Between two looks: under load the events of all runs share one. */
const PACE_MS = 20;

interface SettlerOptions {
  readonly database: Database;
  /** Whether anybody follows: else nothing is looked at. */
  readonly isFollowed: () => boolean;
  /** The log is settled further. With those whose events were added; null: it may be anybody's. */
  readonly onAdvance: (owners: readonly Owner[] | null) => void;
}

/** Keeps up how far the log of all runs is settled, once for all who follow it. */
export interface Settler {
  /**
   * Up to where every event is there that ever will be.
   * @throws what the last look failed with.
   */
  position(): number;
  /** As far as what was committed before the call; waits while the database is away. Null: closed. */
  fresh(): Promise<number | null>;
  /** Something was written. */
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
  /** Those who wait for a look that begins after they asked. */
  let waiting: PromiseWithResolvers<number | null>[] = [];

  /** Looks for as long as there is reason to: one at a time. */
  async function lookOn(): Promise<void> {
    while (!signal.aborted && (waiting.length > 0 || (isNoticed && isFollowed()))) {
      const asked = waiting;
      waiting = [];
      isNoticed = false;
      const isReached = await look(asked);
      await pause(isReached ? PACE_MS : AWAY_LOOK_EVERY_MS, undefined, { signal }).catch(() => {}); // Only by the signal.
    }
    looking = null;
  }

  /** False when the database is away. */
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
