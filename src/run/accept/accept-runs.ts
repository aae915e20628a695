import { createInOrder } from '../../core/in-order.ts';
import { toUserKey } from '../../core/user-key.ts';
import type { EndDeps } from '../rules.ts';
import { storeAttachments } from '../attachments/files.ts';
import { findEarlier, type Accepted } from './find-earlier.ts';
import { createRateLimits, toRateLimitError, type RateLimitState } from './rate-limits.ts';
import { readRequest, type ReadRequest, type RunRequest } from './run-request.ts';
import { createWriter } from './write-together.ts';

interface CountOptions {
  /**
   * The API key against whose rate limit the runs count, beside those of their users. Defaults to null: the request is
   * not counted.
   */
  readonly countedKeyId?: string | null;
  /** Receives the state of the rate limits, before the request may be rejected for them. */
  readonly onCounted?: (states: readonly RateLimitState[]) => void;
}

/**
 * Accepts a request for runs, all of them or none: accepted runs survive any crash, and rejected ones leave no trace.
 * A repeated request, by its idempotency key, returns for a day the runs of the first one, and is not counted.
 * @throws {LonghaulError} `rate_limited`; `idempotency_mismatch` when the key came with another request;
 * `run_not_found` when a run of the first request was deleted since; `session_busy` when an agent is configured so; the
 * errors of `insertRuns`.
 */
export type AcceptRuns = (request: RunRequest, options?: CountOptions) => Promise<Accepted>;

/**
 * Creates a process's way to accept runs: `findEarlier` answers a repeat without a transaction; `takeFreeKeys` decides on
 * the key in the transaction of `write-together.ts`, and `insertRuns` writes runs and queue messages in the same one. That
 * transaction combines the writes of simultaneous requests. `insertRuns` alone inserts the runs that Longhaul has promised,
 * in a transaction that does more: the run of a schedule's tick, and a message that no run has taken up.
 */
export function createAcceptRuns(deps: EndDeps): AcceptRuns {
  const { database } = deps;
  const rateLimits = createRateLimits({ database, limits: deps.rules.limits });
  const write = createWriter(deps);
  const inOrder = createInOrder();

  async function accept(request: ReadRequest, options: CountOptions): Promise<Accepted> {
    const { idempotency } = request;
    const earlier = await findEarlier(database, idempotency);
    if (earlier !== null) return earlier;
    const counted = await count(request, options);
    if (counted?.isRefused === true) {
      // Another server may still be processing the first request.
      const first = await findEarlier(database, idempotency, { isAwaited: true });
      const { length } = request.submissions;
      // A single submission stays counted, which slows a client that asks too often; a batch may just be too large.
      if (first !== null || length > 1) await counted.giveBack();
      if (first === null) throw toRateLimitError(counted.states, { submissions: length });
      return first;
    }
    const accepted = await write(await store(request));
    if (accepted !== null) return accepted;
    // Another server has taken the key meanwhile: its runs are found now.
    await counted?.giveBack();
    return accept(request, options);
  }

  /** Stores attachments before the transaction that inserts the runs, which would wait for them. */
  async function store(request: ReadRequest): Promise<ReadRequest> {
    if (request.submissions.every(({ attachments = [] }) => attachments.length === 0)) return request;
    const submissions = [];
    for (const { attachments = [], ...submission } of request.submissions) {
      const { prompt, user, team, tenant = null } = submission;
      const owners = { user, team, tenant: user === null ? null : tenant };
      const parts = await storeAttachments(database, { attachments, prompt, ...owners });
      submissions.push({ ...submission, parts: parts ?? submission.parts ?? null });
    }
    return { ...request, submissions };
  }

  async function count({ submissions }: ReadRequest, { countedKeyId = null, onCounted }: CountOptions) {
    if (countedKeyId === null) return null;
    const users = submissions.map(({ user, tenant = null }) => toUserKey({ user, tenant }));
    const counted = await rateLimits.count({ users, keyId: countedKeyId });
    onCounted?.(counted.states);
    return counted;
  }

  return (request, options = {}) => {
    const read = readRequest(request);
    // A repeated request that arrives before the first is finished waits for it: it would be counted otherwise.
    const key = read.idempotency && JSON.stringify([read.idempotency.owner, read.idempotency.key]);
    return inOrder(key, () => accept(read, options));
  };
}
