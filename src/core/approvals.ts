/** States of an approval. Stored data: a name here is never changed. */
export const APPROVAL_STATUSES = ['pending', 'allowed', 'denied', 'expired', 'cancelled'] as const;

/**
 * Kinds of approvals: the use of a tool, a question of the agent's, or the use of a tool that the client runs, which
 * only the client's result decides.
 */
export const APPROVAL_KINDS = ['tool', 'question', 'custom'] as const;

export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];
export type ApprovalKind = (typeof APPROVAL_KINDS)[number];
