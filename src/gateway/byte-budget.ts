/** A limit on the bytes that are held in memory at once. */
export interface ByteBudget {
  /** Begins a claim on the budget, initially of zero bytes. */
  claim(): ByteClaim;
}

/** The part of a budget that one holder uses. */
export interface ByteClaim {
  /**
   * Raises the claim to `bytes` in total, if it is below. Returns false, and changes nothing, when the budget is too
   * small.
   */
  raiseTo(bytes: number): boolean;
  /** Returns everything to the budget. Called once, when the memory is free again. */
  release(): void;
}

/** Creates a budget of `limitBytes`. With `within`, everything it grants is also taken from that budget. */
export function createByteBudget(limitBytes: number, within?: ByteBudget): ByteBudget {
  let claimedBytes = 0;
  return {
    claim() {
      const outer = within?.claim();
      let ownBytes = 0;
      return {
        raiseTo(bytes) {
          const more = Math.max(0, bytes - ownBytes);
          if (claimedBytes + more > limitBytes || outer?.raiseTo(bytes) === false) return false;
          claimedBytes += more;
          ownBytes += more;
          return true;
        },
        release() {
          claimedBytes -= ownBytes;
          ownBytes = 0;
          outer?.release();
        },
      };
    },
  };
}
