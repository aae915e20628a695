import type { BegunCall } from './account.ts';
import type { ProviderFailure } from './provider-failure.ts';
import { REFUSALS, type Refusal } from './refusal.ts';

/**
 * A call in progress. Once our own rules have rejected another call, that is the reason for the attempt's end, whatever
 * happens to calls that began before.
 */
export interface PassCall extends BegunCall {
  /** Records a good answer: failures before it no longer matter. */
  succeed(): void;
  /** Records a failure. With `refusal`, every later call is answered with that. */
  fail(failure: ProviderFailure, refusal?: Refusal): void;
}

/** The effect of an attempt's calls on its outcome: the last failure, and the refusal of every later call. */
export interface CallOutcomes {
  /** The last failure without a good answer after it, or null. */
  readonly failure: ProviderFailure | null;
  /** The answer to every later call, or null while calls may succeed. */
  readonly refusal: Refusal | null;
  /** Records the outcome of a call that has begun. */
  follow(begun: BegunCall): PassCall;
  /** Records that our own rules rejected a call. */
  deny(failure: ProviderFailure): void;
  /**
   * Records that the provider was silent in a request that began at `startedAt` (monotonic). Returns the answer to it.
   */
  strike(startedAt: number, failure: ProviderFailure): Refusal;
}

export function createCallOutcomes(): CallOutcomes {
  let failure: ProviderFailure | null = null;
  let refusal: Refusal | null = null;
  let firstSilenceAt: number | null = null;
  /** When our own rules last rejected a call (monotonic). */
  let deniedAt = -Infinity;
  return {
    get failure() {
      return failure;
    },
    get refusal() {
      return refusal;
    },
    follow(begun) {
      const begunAt = performance.now();
      const isOutlived = (): boolean => refusal !== null || begunAt <= deniedAt;
      return {
        ...begun,
        succeed() {
          begun.succeed();
          if (isOutlived()) return;
          failure = null;
          firstSilenceAt = null;
        },
        fail(failed, andRefuse) {
          if (!isOutlived()) failure = failed;
          refusal ??= andRefuse ?? null;
        },
      };
    },
    deny(denied) {
      if (refusal !== null) return;
      failure = denied;
      deniedAt = performance.now();
    },
    strike(startedAt, failed) {
      if (refusal === null && startedAt > deniedAt) failure = failed;
      // Requests that hang at the same time are one silence; only a request that began afterwards is the second.
      if (firstSilenceAt === null || startedAt <= firstSilenceAt) {
        firstSilenceAt ??= performance.now();
        return REFUSALS.silentOnce;
      }
      refusal ??= REFUSALS.silentTwice;
      return REFUSALS.silentTwice;
    },
  };
}
