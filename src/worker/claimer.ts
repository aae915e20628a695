import type { Logger } from '../core/log.ts';
import { toMessage } from '../core/errors.ts';
import { repeat } from '../core/timers.ts';
import type { Transaction } from '../db/database.ts';
import { claimRuns, type Claim } from '../run/claim.ts';
import type { RunDeps } from '../run/rules.ts';

/** How often every queue is looked at though nobody called: for runs whose start time has come, and calls that were missed. */
const LOOK_EVERY_MS = 2_000;

interface ClaimerOptions {
  readonly deps: RunDeps & { readonly log: Logger };
  readonly workerId: string;
  readonly queues: readonly string[];
  /** The agents this worker knows. */
  readonly agents: ReadonlySet<string>;
  /** How many runs of a queue may be claimed now. */
  readonly freeSlots: (queue: string) => number;
  readonly onClaim: (claim: Claim) => void;
  /** Until when an agent's model cannot be asked, or null. Defaults to not knowing. */
  readonly findProviderLimit?: (trx: Transaction, agent: string) => Promise<Date | null>;
}

/** Fills a worker's free slots from its queues, as soon as there is something to fill them with. */
export interface Claimer {
  /** There may be room for another run: looks at the queues that may have one. */
  wake(): void;
  /** Claims nothing more. Resolves when the claim under way, if any, has been given out. */
  stop(): Promise<void>;
}

export async function createClaimer(options: ClaimerOptions): Promise<Claimer> {
  const { deps, workerId, queues, agents, freeSlots, onClaim, findProviderLimit } = options;
  const { queue, log } = deps;
  /** The queues that may have work. A queue is in it until a look at it found less than asked for. */
  const hopeful = new Set<string>();
  let claiming: Promise<void> | null = null;
  let isStopped = false;
  let stopping: Promise<void> | null = null;

  function look(name: string | null): void {
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
        // Removed before it is looked at: a call that comes meanwhile puts it in again.
        hopeful.delete(name);
        const options = { queue: name, workerId, limit, agents, ...(findProviderLimit && { findProviderLimit }) };
        const { claims, isMore } = await claimRuns(deps, options);
        for (const claimed of claims) onClaim(claimed);
        if (isMore) hopeful.add(name);
      }
    } catch (error) {
      log.warn({ err: error }, `no run could be claimed: ${toMessage(error)}`);
    } finally {
      claiming = null;
    }
  }

  /** The queue to look at next and for how many runs, in turn: one put in again goes behind the others. */
  function next(): { name: string; limit: number } | null {
    if (isStopped) return null;
    for (const name of hopeful) {
      const limit = freeSlots(name);
      if (limit > 0) return { name, limit };
    }
    return null;
  }

  const stopListening = await queue.onWork(look);
  const timer = repeat(LOOK_EVERY_MS, () => look(null));
  look(null);
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
