import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { toUsd } from '../core/money.ts';
import type { Claim } from '../run/claim.ts';
import type { RunDeps } from '../run/rules.ts';
import { recordMetered } from '../run/record-metered.ts';
import { settleAttempt, type Settled, type Settlement } from '../run/settle.ts';
import type { Spending } from '../run/spending.ts';
import { logFinishedRun } from './log-finished-run.ts';
import { retryWhileAway } from './retry-while-away.ts';
import { reduceSettlement } from './settlement.ts';

interface EndDeps extends RunDeps {
  readonly log: Logger;
}

interface EndedAttempt {
  readonly claim: Claim;
  /** Null when it is not ours to settle any more. */
  readonly settlement: Settlement | null;
  /** By the gateway's count; null when it never came to ask a model. */
  readonly metered: Spending | null;
  /** Whether the lease is known to be lost. */
  readonly isLost: () => boolean;
}

/**
 * Settles an attempt whose processes are gone. Returns false when it is not ours to settle any more: it is then left to
 * the worker that takes its run up.
 */
export async function endAttempt(deps: EndDeps, ended: EndedAttempt): Promise<boolean> {
  const { claim, settlement, metered, isLost } = ended;
  const { run } = claim;
  if (settlement !== null) {
    const settled = await settleUntilLost({ deps, claim, settlement, isLost });
    if (settled !== null) {
      logFinishedRun(deps.log, { ...settled, attempt: run.attempt, settlement });
      return true;
    }
  }
  deps.log.warn({ runId: run.id, attempt: run.attempt }, 'the lease was lost; the run is left to whoever takes it up');
  if (metered !== null) await leaveCount(deps, { claim, metered });
  return false;
}

/**
 * Settles, trying again while the database is away, for as long as the lease is ours. A settlement that the database
 * refuses for what is in it is made with the least there is to say: a run must end, and its slot be free.
 */
async function settleUntilLost(options: {
  deps: EndDeps;
  claim: Claim;
  settlement: Settlement;
  isLost: () => boolean;
}): Promise<Settled | null> {
  const { deps, claim, isLost } = options;
  const { lease, run } = claim;
  const settle = (settlement: Settlement) =>
    retryWhileAway(async () => (isLost() ? null : settleAttempt(deps, { lease, settlement })), {
      isLost,
      onAway: (err) => deps.log.warn({ err, runId: run.id }, 'the run could not be settled; trying again'),
    });
  try {
    return await settle(options.settlement);
  } catch (error) {
    if (isLost()) return null;
    deps.log.error({ err: error, runId: run.id }, 'the database refused the settlement of a run');
    // If this is refused as well, the sweep is left to try.
    return settle(reduceSettlement(options.settlement, toMessage(error)));
  }
}

/** How long the last count of a lost attempt is tried to be left. */
const COUNT_TIMEOUT_MS = 3_000;

/**
 * Leaves what a lost attempt has spent for whoever settles it, as long as nobody has. Afterwards nothing of it may be
 * written any more, the ledger included: what was then not known is in the log alone.
 */
async function leaveCount(
  { database, log }: EndDeps,
  { claim, metered }: { claim: Claim; metered: Spending },
): Promise<void> {
  const { run, lease } = claim;
  const endAt = performance.now() + COUNT_TIMEOUT_MS;
  const isLeft = await retryWhileAway(() => recordMetered(database, { lease, metered }), {
    isLost: () => performance.now() > endAt,
  }).catch(() => false);
  if (isLeft || metered.costMicros === 0) return;
  const facts = { runId: run.id, attempt: run.attempt, meteredCostUsd: toUsd(metered.costMicros) };
  log.warn(facts, 'the attempt was settled without its worker: it may be charged for less than it has spent');
}
