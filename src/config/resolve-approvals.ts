import type { ApprovalsInput } from './approvals-schema.ts';

/** Time limits of a tool use that waits for a decision. */
export interface ApprovalRules {
  /** Seconds to wait with a process. */
  readonly holdSeconds: number;
  /** Seconds to wait in total; then the use is denied. */
  readonly expireSeconds: number;
}

export function resolveApprovals({ holdSeconds = 20, expireSeconds = 604_800 }: ApprovalsInput = {}): ApprovalRules {
  return { holdSeconds, expireSeconds };
}
