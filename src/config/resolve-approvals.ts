import type { ApprovalsInput } from './approvals-schema.ts';

/** How long a tool use waits for a person. */
export interface ApprovalRules {
  /** With its process. */
  readonly holdSeconds: number;
  /** In all; then it is denied. */
  readonly expireSeconds: number;
}

export function resolveApprovals({ holdSeconds = 20, expireSeconds = 604_800 }: ApprovalsInput = {}): ApprovalRules {
  return { holdSeconds, expireSeconds };
}
