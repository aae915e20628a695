/** Longest wait before a claim, in ms. */
const LONGEST_MS = 60;

/** Added after a claim that found no run, because another worker was quicker, in ms. */
const STEP_MS = 3;

/** Factor after a claim that found a run. */
const DECAY = 0.9;

/** A wait shorter than this costs more than it saves. */
const SHORTEST_MS = 0.5;

/**
 * Spreads the claims of workers that receive the same wake-up at the same time: each waits for a random time, in which
 * the claim of another may withdraw the run. The range of the waits follows the competition: a worker that finds a run
 * each time, because no other worker has room, does not wait.
 */
export interface Contention {
  /** Returns the time to wait before the next claim, in ms. */
  waitMs(): number;
  /** True when other workers were quicker lately. */
  readonly isNoted: boolean;
  /** Reports the result of a claim for which other workers compete. */
  note(result: { isFound: boolean }): void;
}

export function createContention(): Contention {
  let rangeMs = 0;
  return {
    waitMs: () => Math.random() * rangeMs,
    get isNoted() {
      return rangeMs > 0;
    },
    note({ isFound }) {
      rangeMs = isFound ? rangeMs * DECAY : Math.min(LONGEST_MS, rangeMs + STEP_MS);
      if (rangeMs < SHORTEST_MS) rangeMs = 0;
    },
  };
}
