/** What has become of something that waits, or waited, for a person. Stored data: chosen once. */
export const APPROVAL_STATUSES = ['pending', 'allowed', 'denied', 'expired', 'cancelled'] as const;

/** What waits for a person: the use of a tool, or the agent with a question. */
export const APPROVAL_KINDS = ['tool', 'question'] as const;

export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];
export type ApprovalKind = (typeof APPROVAL_KINDS)[number];
