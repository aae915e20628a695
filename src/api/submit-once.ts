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
  /** Whether it counts against the rate limits. Defaults to true. */
  readonly isCounted?: boolean;
  /** Told what is left of the rate limits, before it may be refused for them. */
  readonly onCounted?: (states: readonly RateLimitState[]) => void;
}

interface BatchOptions extends CountOptions {
  readonly submissions: readonly Submission[];
  /** The whole as a request that is done once; null: it came without a key. */
  readonly request: IdempotentRequest | null;
}

/**
 * Submits a run within its caller's rate limits. A repeat, by its idempotency key, answers the run of the first time and
 * does not count.
 * @throws {LonghaulError} `rate_limited`, and what `submitRun` throws, without figures that are not the caller's.
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
 * The same for many, which count as many, and are submitted or refused as a whole. A repeat that comes before the first
 * time is done waits for it, or it would be counted.
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
    // Another server may be at work on the first.
    const first = await findRepeated(database, request, { isAwaited: true });
    // One that asks too often is held off by having asked; a batch may only have been too large.
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
