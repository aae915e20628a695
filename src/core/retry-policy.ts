import { RUN_ERRORS, type RunErrorCode } from './errors.ts';

/** Rules that decide when another attempt follows a failed one. */
export interface RetryPolicy {
  /** Attempts in total. Defaults to 3. */
  readonly maxAttempts: number;
  /**
   * Waits before the second attempt, the third, and so on, in seconds; the last one repeats. Defaults to 10, 30, 60.
   */
  readonly delaysSeconds: readonly number[];
  /**
   * Seconds from the start of the first attempt within which another may start, without the time that the run waited for
   * a limit, a person or another worker. Defaults to 600.
   */
  readonly deadlineSeconds: number;
  /**
   * True when the next attempt continues the conversation; otherwise it starts from the beginning. Defaults to true.
   */
  readonly isContinued: boolean;
}

/** The decision after a failed attempt. */
export type RetryDecision =
  | { readonly retry: true; readonly delaySeconds: number }
  /** `code` is the failure's own, or `deadline_exceeded` when only time forbids another attempt. */
  | { readonly retry: false; readonly code: RunErrorCode };

/** Failures of the provider that concern all runs, not only this one: the run waits for their end, and no attempt counts. */
const PARKED: ReadonlySet<RunErrorCode> = new Set(['provider_rate_limit', 'provider_overloaded']);

/** Waits when the provider names none; each is twice the previous one. */
const UNNAMED_WAIT_SECONDS = { first: 10, longest: 300 };

/**
 * A provider may name a short wait again and again. So a wait that is named but shorter than this grows like an unnamed
 * one; it is never shorter than named.
 */
const SHORTEST_NAMED_SECONDS = 60;

/** A reset later than any weekly limit is ignored. */
const LONGEST_NAMED_SECONDS = 8 * 86_400;

/** Spread of the runs that wait for one reset, so that they do not all resume at once. */
const SPREAD_SECONDS = 10;

/**
 * Decides whether a run whose attempt met a limit of the provider waits for its end without spending an attempt; null
 * when it does not. If the provider named a wait of a minute or more, the run waits that long, whatever the deadline.
 * Otherwise the waits grow, and count against the deadline. An agent with a single attempt does not wait.
 */
export function decideParking(
  failed: Omit<FailedAttempt, 'failures'> & { readonly unnamedParks: number },
): { delaySeconds: number; isNamed: boolean } | 'tooLate' | null {
  const { policy, code, unnamedParks, elapsedSeconds, retryAfterSeconds, random } = failed;
  if (!PARKED.has(code) || policy.maxAttempts === 1) return null;
  const isNamed =
    retryAfterSeconds !== null &&
    retryAfterSeconds >= SHORTEST_NAMED_SECONDS &&
    retryAfterSeconds <= LONGEST_NAMED_SECONDS;
  const { first, longest } = UNNAMED_WAIT_SECONDS;
  const unnamedSeconds = Math.min(longest, first * 2 ** unnamedParks);
  const asked = retryAfterSeconds !== null && retryAfterSeconds < SHORTEST_NAMED_SECONDS ? retryAfterSeconds : 0;
  const waitSeconds = isNamed ? retryAfterSeconds : Math.max(unnamedSeconds, asked);
  const delaySeconds =
    Math.round((waitSeconds + Math.min(SPREAD_SECONDS, waitSeconds * JITTER) * random) * 1_000) / 1_000;
  if (!isNamed && elapsedSeconds + delaySeconds > policy.deadlineSeconds) return 'tooLate';
  return { delaySeconds, isNamed };
}

interface FailedAttempt {
  readonly policy: RetryPolicy;
  readonly code: RunErrorCode;
  /** Attempts so far, this one included, except attempts that were handed back or ended with a wait. */
  readonly failures: number;
  /** Seconds since the start of the first attempt, without the time that does not count (`deadlineSeconds`). */
  readonly elapsedSeconds: number;
  /** Seconds that the provider asked to wait, or null. */
  readonly retryAfterSeconds: number | null;
  /** A number from 0 up to 1 that spreads the retries of runs that failed together. */
  readonly random: number;
}

/** Largest share by which a wait is lengthened; a wait is never shortened below the configured one. */
const JITTER = 0.2;

/**
 * Failures that another attempt follows without a wait. `worker_lost`: the expiry of the lease was the wait.
 * `answer_unfinished`: nothing failed, the model only has to continue.
 */
const AT_ONCE: ReadonlySet<RunErrorCode> = new Set(['worker_lost', 'answer_unfinished']);

/** Decides whether and when another attempt follows a failed one. */
export function decideRetry(failed: FailedAttempt): RetryDecision {
  const { policy, code, failures, elapsedSeconds, retryAfterSeconds, random } = failed;
  if (!RUN_ERRORS[code].isRetryable || failures >= policy.maxAttempts) return { retry: false, code };
  const configured = policy.delaysSeconds[failures - 1] ?? policy.delaysSeconds.at(-1) ?? 0;
  const waitSeconds = AT_ONCE.has(code) ? 0 : Math.max(configured, retryAfterSeconds ?? 0);
  const delaySeconds = waitSeconds * (1 + JITTER * random);
  if (elapsedSeconds + delaySeconds > policy.deadlineSeconds) return { retry: false, code: 'deadline_exceeded' };
  return { retry: true, delaySeconds: Math.round(delaySeconds * 1_000) / 1_000 };
}
