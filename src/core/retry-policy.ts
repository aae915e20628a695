import { RUN_ERRORS, type RunErrorCode } from './errors.ts';

/** When a failed attempt at a run is followed by another. */
export interface RetryPolicy {
  /** Attempts in all. Defaults to 3. */
  readonly maxAttempts: number;
  /** Waits before the second attempt, the third, …, in seconds; the last one repeats. Defaults to 10, 30, 60. */
  readonly delaysSeconds: readonly number[];
  /** From the start of the first attempt to the last moment another may start. Defaults to 600. */
  readonly deadlineSeconds: number;
  /** Whether the next attempt continues the conversation; otherwise it starts afresh. Defaults to true. */
  readonly isContinued: boolean;
}

/** What a failed attempt leads to. */
export type RetryDecision =
  | { readonly retry: true; readonly delaySeconds: number }
  /** `code` is the failure's own, or `deadline_exceeded` when only time forbids another attempt. */
  | { readonly retry: false; readonly code: RunErrorCode };

interface FailedAttempt {
  readonly policy: RetryPolicy;
  readonly code: RunErrorCode;
  /** Attempts that have failed, this one included; those handed back do not count. */
  readonly failures: number;
  /** Since the start of the first attempt. */
  readonly elapsedSeconds: number;
  /** How long the provider asked to wait, or null. */
  readonly retryAfterSeconds: number | null;
  /** A number from 0 up to 1 that spreads runs that failed together. */
  readonly random: number;
}

/** The share of a wait by which it is lengthened at most: never shortened, so that the configured one is kept. */
const JITTER = 0.2;

/** Decides whether an attempt that failed is followed by another, and when. */
export function decideRetry(failed: FailedAttempt): RetryDecision {
  const { policy, code, failures, elapsedSeconds, retryAfterSeconds, random } = failed;
  if (!RUN_ERRORS[code].isRetryable || failures >= policy.maxAttempts) return { retry: false, code };
  const configured = policy.delaysSeconds[failures - 1] ?? policy.delaysSeconds.at(-1) ?? 0;
  // The lease that had to run out was the wait: another worker takes the run over at once.
  const waitSeconds = code === 'worker_lost' ? 0 : Math.max(configured, retryAfterSeconds ?? 0);
  const delaySeconds = waitSeconds * (1 + JITTER * random);
  if (elapsedSeconds + delaySeconds > policy.deadlineSeconds) return { retry: false, code: 'deadline_exceeded' };
  return { retry: true, delaySeconds: Math.round(delaySeconds * 1_000) / 1_000 };
}
