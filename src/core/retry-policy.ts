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

/** The failures that are the provider's with all of us, not this run's: it waits for their end, and loses no attempt. */
const PARKED: ReadonlySet<RunErrorCode> = new Set(['provider_rate_limit', 'provider_overloaded']);

/** Waits where the provider names none, each twice the one before. */
const UNNAMED_WAIT_SECONDS = { first: 10, longest: 300 };

/** A shorter one is kept, but grows as one that was not named: a provider may name it again and again. */
const SHORTEST_NAMED_SECONDS = 60;

/** A reset further away than a week's limit can be is none. */
const LONGEST_NAMED_SECONDS = 8 * 86_400;

/** Runs that wait for one reset do not come back all at once. */
const SPREAD_SECONDS = 10;

/**
 * Decides whether a run whose attempt met a limit of the provider's waits for its end without spending an attempt; null
 * when it does not. A time of a minute and more that the provider has named is waited for however long it is; else the waits
 * grow, and count against the deadline. An agent with one attempt alone does not wait.
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

/**
 * The failures that another attempt need not wait after. `worker_lost`: the lease that had to run out was the wait.
 * `answer_unfinished`: nothing failed, the model is to go on.
 */
const AT_ONCE: ReadonlySet<RunErrorCode> = new Set(['worker_lost', 'answer_unfinished']);

/** Decides whether an attempt that failed is followed by another, and when. */
export function decideRetry(failed: FailedAttempt): RetryDecision {
  const { policy, code, failures, elapsedSeconds, retryAfterSeconds, random } = failed;
  if (!RUN_ERRORS[code].isRetryable || failures >= policy.maxAttempts) return { retry: false, code };
  const configured = policy.delaysSeconds[failures - 1] ?? policy.delaysSeconds.at(-1) ?? 0;
  const waitSeconds = AT_ONCE.has(code) ? 0 : Math.max(configured, retryAfterSeconds ?? 0);
  const delaySeconds = waitSeconds * (1 + JITTER * random);
  if (elapsedSeconds + delaySeconds > policy.deadlineSeconds) return { retry: false, code: 'deadline_exceeded' };
  return { retry: true, delaySeconds: Math.round(delaySeconds * 1_000) / 1_000 };
}
