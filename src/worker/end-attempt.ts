import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { toUsd } from '../core/money.ts';
import type { Claim } from '../run/claim/claim.ts';
import type { RunDeps } from '../run/rules.ts';
import { recordMetered } from '../run/money/record-metered.ts';
import { settleAttempt, type Settled, type Settlement } from '../run/end/settle.ts';
import type { Spending } from '../run/money/spending.ts';
import { logFinishedRun } from './log-finished-run.ts';
import { retryWhileAway } from './retry-while-away.ts';
import { reduceSettlement } from './settlement.ts';

interface EndDeps extends RunDeps {
  readonly log: Logger;
}

interface EndedAttempt {
  readonly claim: Claim;
  /** Null when this worker may no longer settle the attempt. */
  readonly settlement: Settlement | null;
  /** Spending by the gateway's count; null when no model was asked. */
  readonly metered: Spending | null;
  /** Aborted when the lease is lost. */
  readonly leaseLost: AbortSignal;
}

/**
 * Settles an attempt whose processes have ended. Returns false when this worker may no longer settle it; the worker
 * that takes over the run does.
 */
export async function endAttempt(deps: EndDeps, ended: EndedAttempt): Promise<boolean> {
  const { claim, settlement, metered, leaseLost } = ended;
  const { run } = claim;
  if (settlement !== null) {
    const settled = await settleUntilLost({ deps, claim, settlement, leaseLost });
    if (settled !== null) {
      logFinishedRun(deps.log, { ...settled, attempt: run.attempt, settlement });
      return true;
    }
  }
  deps.log.warn({ runId: run.id, attempt: run.attempt }, 'the lease was lost; another worker takes over the run');
  if (metered !== null) await leaveCount(deps, { claim, metered });
  return false;
}

/**
 * Settles the attempt, and retries while the database is away, as long as the lease is ours. When the database rejects
 * the content of a settlement, a minimal settlement is written: the run must end and free its slot.
 */
async function settleUntilLost(options: {
  deps: EndDeps;
  claim: Claim;
  settlement: Settlement;
  leaseLost: AbortSignal;
}): Promise<Settled | null> {
  const { deps, claim, leaseLost } = options;
  const { lease, run } = claim;
  const settle = (settlement: Settlement) =>
    retryWhileAway(async () => (leaseLost.aborted ? null : settleAttempt(deps, { lease, settlement })), {
      signal: leaseLost,
      onAway: (err) => deps.log.warn({ err, runId: run.id }, 'the run could not be settled; the worker retries'),
    });
  try {
    return await settle(options.settlement);
  } catch (error) {
    if (leaseLost.aborted) return null;
    deps.log.error({ err: error, runId: run.id }, 'the database rejected the settlement of a run');
    // If this is rejected as well, the sweep settles the run.
    return settle(reduceSettlement(options.settlement, toMessage(error)));
  }
}

/** Time within which the last count of a lost attempt must be recorded. */
const COUNT_TIMEOUT_MS = 3_000;

/**
 * Records the spending of a lost attempt for the worker that settles it, if it is not settled yet. After the settlement
 * nothing of the attempt may be written, not even in the ledger: spending that was unknown then is only in the log.
 */
async function leaveCount(
  { database, log }: EndDeps,
  { claim, metered }: { claim: Claim; metered: Spending },
): Promise<void> {
  const { run, lease } = claim;
  const signal = AbortSignal.timeout(COUNT_TIMEOUT_MS);
  const isLeft = await retryWhileAway(() => recordMetered(database, { lease, metered }), { signal }).catch(() => false);
  if (isLeft || metered.costMicros === 0) return;
  const facts = { runId: run.id, attempt: run.attempt, meteredCostUsd: toUsd(metered.costMicros) };
  log.warn(facts, 'the attempt was settled without its worker: it may be charged less than it spent');
}
