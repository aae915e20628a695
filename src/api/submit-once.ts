import { isOperator, type Caller } from '../access/caller.ts';
import { withoutFiguresOfOthers } from '../run/budget.ts';
import { findRepeated } from '../run/find-repeated.ts';
import type { Run } from '../run/run.ts';
import type { Submission } from '../run/submission.ts';
import { submitRun } from '../run/submit.ts';
import type { SubmitDeps } from './api-deps.ts';
import { toRateLimitError, type RateLimitState } from './rate-limits.ts';

interface SubmitOptions {
  readonly submission: Submission;
  readonly caller: Caller;
  /** Whether it counts against the rate limits. Defaults to true. */
  readonly isCounted?: boolean;
  /** Told what is left of the rate limits, before it may be refused for them. */
  readonly onCounted?: (states: readonly RateLimitState[]) => void;
}

/**
 * Submits a run within its caller's rate limits. A repeat, by its idempotency key, answers the run of the first time and
 * does not count.
 * @throws {LonghaulError} `rate_limited`, and what `submitRun` throws, without figures that are not the caller's.
 */
export async function submitOnce(
  { config, database, queue, rateLimits }: SubmitDeps,
  { submission, caller, isCounted = true, onCounted = () => {} }: SubmitOptions,
): Promise<Run> {
  const repeated = await findRepeated(database, submission);
  if (repeated !== null) return repeated;
  const counted = isCounted ? await rateLimits.count({ user: submission.user, keyId: caller.keyId }) : null;
  if (counted !== null) onCounted(counted.states);
  if (counted?.isRefused === true) {
    // Of several at once the first may be the one that counts.
    const first = await findRepeated(database, submission, { isAwaited: true });
    if (first === null) throw toRateLimitError(counted.states);
    await counted.giveBack();
    return first;
  }
  const { run, isRepeat } = await submitRun({ database, queue, rules: config }, submission).catch((error: unknown) => {
    throw isOperator(caller) ? error : withoutFiguresOfOthers(error);
  });
  if (isRepeat) await counted?.giveBack();
  return run;
}
