import type { Logger } from '../core/log.ts';
import { toMessage } from '../core/errors.ts';
import type { Transaction } from '../db/database.ts';
import type { Consumer } from '../queue/consumer.ts';
import { claimRuns, type Claim } from '../run/claim/claim.ts';
import type { RunDeps } from '../run/rules.ts';

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
export type Claimer = Consumer;

export function createClaimer(options: ClaimerOptions): Promise<Claimer> {
  const { deps, workerId, queues, agents, freeSlots, onClaim, findProviderLimit } = options;
  return deps.queue.consume({
    workerId,
    queues,
    room: freeSlots,
    async claim(queue, limit) {
      const claim = { queue, workerId, limit, agents, ...(findProviderLimit && { findProviderLimit }) };
      const { claims, ...rest } = await claimRuns(deps, claim);
      for (const claimed of claims) onClaim(claimed);
      return rest;
    },
    onError: (err) => deps.log.warn({ err }, `runs could not be claimed: ${toMessage(err)}`),
  });
}
