import { isOperator, type Caller } from '../access/caller.ts';
import type { AcceptRuns } from '../run/accept/accept-runs.ts';
import type { Accepted } from '../run/accept/find-earlier.ts';
import type { RateLimitState } from '../run/accept/rate-limits.ts';
import type { RunRequest } from '../run/accept/run-request.ts';
import type { Submission } from '../run/accept/submission.ts';
import { withoutFiguresOfOthers } from '../run/money/budget-error.ts';
import type { Run } from '../run/run.ts';

interface Deps {
  readonly acceptRuns: AcceptRuns;
}

interface CallerOptions {
  readonly caller: Caller;
  /** True when the submission counts against the rate limits. Defaults to true. */
  readonly isCounted?: boolean;
  /** Receives the state of the rate limits, before the submission may be rejected for them. */
  readonly onCounted?: (states: readonly RateLimitState[]) => void;
}

/**
 * Submits a run for its caller, within the caller's rate limits. A repeated request, by its idempotency key, returns the
 * run of the first request and is not counted.
 * @throws {LonghaulError} what `AcceptRuns` throws, without amounts that the caller may not see.
 */
export async function submitOnce(
  deps: Deps,
  { submission, ...options }: CallerOptions & { readonly submission: Submission },
): Promise<{ run: Run; messageId: string | null }> {
  const { runs, messageId } = await accept(deps, { request: { submission }, ...options });
  return { run: runs[0]!, messageId };
}

/** Submits many runs, which count as many, and are accepted or rejected as a whole. */
export function submitBatchOnce(
  deps: Deps,
  { batch, idempotency, ...options }: CallerOptions & Extract<RunRequest, { batch: unknown }>,
): Promise<Accepted> {
  return accept(deps, { request: { batch, idempotency }, ...options });
}

async function accept(
  { acceptRuns }: Deps,
  { request, caller, isCounted = true, onCounted = () => {} }: CallerOptions & { readonly request: RunRequest },
): Promise<Accepted> {
  try {
    return await acceptRuns(request, { countedKeyId: isCounted ? caller.keyId : null, onCounted });
  } catch (error) {
    throw isOperator(caller) ? error : withoutFiguresOfOthers(error);
  }
}
