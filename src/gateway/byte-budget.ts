/** What may be held in memory at once. */
export interface ByteBudget {
  /** Begins a claim on the budget, of nothing at first. */
  claim(): ByteClaim;
}

/** One holder's part of a budget. */
export interface ByteClaim {
  /** Raises the claim to `bytes` in all, if it is below; false, and unchanged, when the budget does not have them. */
  raiseTo(bytes: number): boolean;
  /** Gives everything back. Called once, when nothing is held any more. */
  release(): void;
}

/** A budget of `limitBytes`; with `within` given, all that it grants is also taken from that one. */
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
