/** A queue that may have runs for the worker. */
interface Entry {
  /** Time from which the worker may claim, by `performance.now()`. */
  ripeAt: number;
  /** The announced runs that no worker has claimed yet. */
  readonly runIds: Set<string>;
  /** True when the queue may have more runs than `runIds` says. */
  mayHaveMore: boolean;
  /** True when other workers compete for these runs. */
  isContested: boolean;
  /** Replaced when it is settled, so that the next reason waits for the next claim. */
  tried: PromiseWithResolvers<boolean>;
}

/** A queue to claim from. */
export interface Turn {
  readonly queue: string;
  /** Number of runs that the worker can take. */
  readonly limit: number;
  /** The announced runs; empty when it may be any. */
  readonly runIds: readonly string[];
  readonly isContested: boolean;
  /** Reports that the claim has ended. */
  readonly end: () => void;
}

interface Mark {
  readonly queue: string;
  /** Empty: it may be any run. */
  readonly runIds: readonly string[];
  /** Time to wait before the claim, in ms. */
  readonly waitMs: number;
  readonly isContested: boolean;
}

/** Ids that are remembered for one queue: a worker without room hears of every run of the fleet. */
const MOST_IDS = 1_000;

/** The queues that a worker is going to claim from, in that order. */
export interface PendingQueues {
  /**
   * Marks a queue. `tried` resolves to true when a claim that began later has ended, or when no claim is needed any more;
   * to false when another worker had better claim: this one has no room, or stops.
   */
  add(mark: Mark): { readonly tried: Promise<boolean> };
  /** Waits before the claim when another worker is about to claim all the runs that are known. */
  postpone(queue: string, runIds: readonly string[], waitMs: number): void;
  /** Forgets runs that another worker has claimed, and the queue when nothing is left of its reasons. */
  withdraw(queue: string, runIds: readonly string[]): void;
  /** Takes out the next queue that is ripe and that the worker has room for. */
  takeNext(room: (queue: string) => number): Turn | null;
  /** Resolves `tried` to false for each queue without room. The worker still claims from it when it has room. */
  release(room: (queue: string) => number): void;
  /** Returns the time until the next queue that is not ripe yet becomes ripe, in ms, or null. */
  ripensInMs(): number | null;
  /** Forgets everything. */
  clear(): void;
}

export function createPendingQueues(): PendingQueues {
  const entries = new Map<string, Entry>();

  function remove(queue: string, entry: Entry, isTried: boolean): void {
    entries.delete(queue);
    entry.tried.resolve(isTried);
  }

  return {
    add({ queue, runIds, waitMs, isContested }) {
      const ripeAt = performance.now() + waitMs;
      let entry = entries.get(queue);
      if (entry === undefined) {
        entry = { ripeAt, runIds: new Set(), mayHaveMore: false, isContested, tried: Promise.withResolvers() };
        entries.set(queue, entry);
      }
      entry.ripeAt = Math.min(entry.ripeAt, ripeAt);
      entry.isContested &&= isContested;
      for (const id of runIds) entry.runIds.add(id);
      if (runIds.length > 0 && entry.runIds.size <= MOST_IDS) return { tried: entry.tried.promise };
      entry.runIds.clear();
      entry.mayHaveMore = true;
      return { tried: entry.tried.promise };
    },
    postpone(queue, runIds, waitMs) {
      const entry = entries.get(queue);
      if (entry === undefined || entry.mayHaveMore) return;
      if ([...entry.runIds].every((id) => runIds.includes(id))) entry.ripeAt = performance.now() + waitMs;
    },
    withdraw(queue, runIds) {
      const entry = entries.get(queue);
      if (entry === undefined) return;
      for (const id of runIds) entry.runIds.delete(id);
      if (entry.runIds.size === 0 && !entry.mayHaveMore) remove(queue, entry, true);
    },
    takeNext(room) {
      const now = performance.now();
      for (const [queue, entry] of entries) {
        if (entry.ripeAt > now) continue;
        const limit = room(queue);
        if (limit <= 0) continue;
        // Taken out before the claim, so that an announcement during the claim adds the queue again, behind the others.
        entries.delete(queue);
        return {
          queue,
          limit,
          runIds: [...entry.runIds],
          isContested: entry.isContested,
          end: () => entry.tried.resolve(true),
        };
      }
      return null;
    },
    release(room) {
      for (const [queue, entry] of entries) {
        if (room(queue) > 0) continue;
        entry.tried.resolve(false);
        entry.tried = Promise.withResolvers();
      }
    },
    ripensInMs() {
      const now = performance.now();
      const waits = [...entries.values()].map(({ ripeAt }) => ripeAt - now).filter((waitMs) => waitMs > 0);
      return waits.length === 0 ? null : Math.min(...waits);
    },
    clear() {
      for (const [queue, entry] of entries) remove(queue, entry, false);
    },
  };
}
