/** Everything that is entered in the audit record. Stored data: one is chosen once and never renamed. */
export const AUDIT_ACTIONS = [
  'run.submitted',
  'run.succeeded',
  'run.failed',
  'run.cancelled',
  'run.cancel_requested',
  'run.retried',
  'queue.paused',
  'queue.resumed',
  'worker.drain_requested',
  'key.created',
  'key.revoked',
  'budget.changed',
  'approval.given',
  'alert.acknowledged',
  'audit.exported',
] as const;

export type AuditAction = (typeof AUDIT_ACTIONS)[number];
