import type { Demand } from './demand.ts';
import type { Refusal } from './refusal.ts';

/**
 * The hosts that the provider itself may connect to for a call: `any`, those of its web searches (`searches`), or `none`.
 * The agent of a sandbox would otherwise reach through the provider what its own network refuses.
 */
export type Reach = 'any' | 'searches' | 'none';

/** Returns the refusal of a call with which the provider would connect to a host that it may not, or null. */
export function judgeReach(reach: Reach, { reachedBy, maxSearches }: Demand): Refusal | null {
  if (reach === 'any') return null;
  const by = reachedBy ?? (reach === 'none' && maxSearches > 0 ? 'web_search' : null);
  if (by === null) return null;
  const message = `With ${by} the provider would connect to other hosts for this agent, which its sandbox does not allow. Leave it out.`;
  return { status: 400, type: 'invalid_request_error', message };
}
