import type { Logger } from '../core/log.ts';
import { toMessage } from '../core/errors.ts';
import { repeat } from '../core/timers.ts';
import type { Transaction } from '../db/database.ts';
import { claimRuns, type Claim } from '../run/claim/claim.ts';
import type { RunDeps } from '../run/rules.ts';

/** Poll interval of every queue, for runs whose start time has come and for lost notifications. */
const POLL_EVERY_MS = 2_000;

interface ClaimerOptions {
  readonly deps: RunDeps & { readonly log: Logger };
  readonly workerId: string;
  readonly queues: readonly string[];
  /** The agents in this worker's configuration. */
  readonly agents: ReadonlySet<string>;
  /** Returns how many runs of a queue may be claimed now. */
  readonly freeSlots: (queue: string) => number;
  readonly onClaim: (claim: Claim) => void;
  /** Returns the time until which an agent's model is rate limited, or null. Without it, no limit is known. */
  readonly findProviderLimit?: (trx: Transaction, agent: string) => Promise<Date | null>;
}

/** Fills a worker's free slots from its queues as soon as a run and a slot are available. */
export interface Claimer {
  /** Polls the queues that may have a run. Call it when there may be room for another run. */
  wake(): void;
  /** Stops claiming. Resolves when the claim in progress, if any, has handed out its runs. */
  stop(): Promise<void>;
}

export async function createClaimer(options: ClaimerOptions): Promise<Claimer> {
  const { deps, workerId, queues, agents, freeSlots, onClaim, findProviderLimit } = options;
  const { queue, log } = deps;
  /** The queues that may have work. A queue leaves the set when a poll finds fewer runs than requested. */
  const hopeful = new Set<string>();
  let claiming: Promise<void> | null = null;
  let isStopped = false;
  let stopping: Promise<void> | null = null;

  function poll(name: string | null): void {
    for (const known of queues) if (name === null || name === known) hopeful.add(known);
    wake();
  }

  function wake(): void {
    if (!isStopped && claiming === null && next() !== null) claiming = claim();
  }

  async function claim(): Promise<void> {
    try {
      for (let found = next(); found !== null; found = next()) {
        const { name, limit } = found;
        // Removed before the poll, so that a notification during the poll adds the queue again.
        hopeful.delete(name);
        const options = { queue: name, workerId, limit, agents, ...(findProviderLimit && { findProviderLimit }) };
        const { claims, isMore } = await claimRuns(deps, options);
        for (const claimed of claims) onClaim(claimed);
        if (isMore) hopeful.add(name);
      }
    } catch (error) {
      log.warn({ err: error }, `runs could not be claimed: ${toMessage(error)}`);
    } finally {
      claiming = null;
    }
  }

  /**
   * Returns the next queue to poll, in turn, and the number of runs to claim. A queue that was added again comes after
   * the others.
   */
  function next(): { name: string; limit: number } | null {
    if (isStopped) return null;
    for (const name of hopeful) {
      const limit = freeSlots(name);
      if (limit > 0) return { name, limit };
    }
    return null;
  }

  const stopListening = await queue.onWork(poll);
  const timer = repeat(POLL_EVERY_MS, () => poll(null));
  poll(null);
  return {
    wake,
    stop() {
      stopping ??= (async () => {
        isStopped = true;
        clearInterval(timer);
        await claiming;
        await stopListening();
      })();
      return stopping;
    },
  };
}
