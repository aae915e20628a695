import { isOperator, type Caller } from '../access/caller.ts';
import { toUserKey } from '../core/user-key.ts';
import { withoutFiguresOfOthers } from '../run/budget.ts';
import { findRepeated, toIdempotentRequest, type Accepted } from '../run/find-repeated.ts';
import type { IdempotentRequest } from '../run/idempotency.ts';
import type { Run } from '../run/run.ts';
import type { Submission } from '../run/submission.ts';
import type { SubmitDeps } from './api-deps.ts';
import { toRateLimitError, type RateLimitState } from './rate-limits.ts';

interface CountOptions {
  readonly caller: Caller;
  /** True when the submission counts against the rate limits. Defaults to true. */
  readonly isCounted?: boolean;
  /** Receives the state of the rate limits, before the submission may be rejected for them. */
  readonly onCounted?: (states: readonly RateLimitState[]) => void;
}

interface BatchOptions extends CountOptions {
  readonly submissions: readonly Submission[];
  /** The whole batch as an idempotent request; null without an idempotency key. */
  readonly request: IdempotentRequest | null;
}

/**
 * Submits a run within its caller's rate limits. A repeated request, by its idempotency key, returns the run of the
 * first request and is not counted.
 * @throws {LonghaulError} `rate_limited`, and what `submitRun` throws, without amounts that the caller may not see.
 */
export async function submitOnce(
  deps: SubmitDeps,
  { submission, ...options }: CountOptions & { readonly submission: Submission },
): Promise<{ run: Run; messageId: string | null }> {
  const request = toIdempotentRequest(submission);
  const { runs, messageId } = await submitAllOnce(deps, { submissions: [submission], request, ...options });
  return { run: runs[0]!, messageId };
}

/**
 * Submits many runs, which count as many, and are accepted or rejected as a whole. A repeated request that arrives
 * before the first is finished waits for it, because it would be counted otherwise.
 */
export function submitAllOnce(deps: SubmitDeps, options: BatchOptions): Promise<Accepted> {
  const { request } = options;
  return deps.inTurn(request && JSON.stringify([request.owner, request.key]), () => submitAll(deps, options));
}

async function submitAll(
  { database, rateLimits, submitRuns }: SubmitDeps,
  { submissions, request, caller, isCounted = true, onCounted = () => {} }: BatchOptions,
): Promise<Accepted> {
  const repeated = await findRepeated(database, request);
  if (repeated !== null) return repeated;
  const users = submissions.map(({ user, tenant = null }) => toUserKey({ user, tenant }));
  const counted = isCounted ? await rateLimits.count({ users, keyId: caller.keyId }) : null;
  if (counted !== null) onCounted(counted.states);
  if (counted?.isRefused === true) {
    // Another server may still be processing the first request.
    const first = await findRepeated(database, request, { isAwaited: true });
    // A single submission stays counted, which slows a client that asks too often; a batch may just be too large.
    if (first !== null || submissions.length > 1) await counted.giveBack();
    if (first === null) throw toRateLimitError(counted.states, { submissions: submissions.length });
    return first;
  }
  const { isRepeat, ...accepted } = await submitRuns({ submissions, request }).catch((error: unknown) => {
    throw isOperator(caller) ? error : withoutFiguresOfOthers(error);
  });
  if (isRepeat) await counted?.giveBack();
  return accepted;
}
