import type { AuditEntryResource } from 'longhaul/client';

type Action = AuditEntryResource['action'];

/** The complete list of recorded actions. The type reports a missing one. */
const KNOWN: Readonly<Record<Action, true>> = {
  'run.submitted': true,
  'run.succeeded': true,
  'run.failed': true,
  'run.cancelled': true,
  'run.cancel_requested': true,
  'run.retried': true,
  'run.message': true,
  'queue.paused': true,
  'queue.resumed': true,
  'worker.drain_requested': true,
  'key.created': true,
  'key.revoked': true,
  'dashboard.signed_in': true,
  'dashboard.signed_out': true,
  'webhook.created': true,
  'webhook.removed': true,
  'webhook.secret_rotated': true,
  'schedule.created': true,
  'schedule.changed': true,
  'schedule.removed': true,
  'schedule.paused': true,
  'schedule.resumed': true,
  'budget.changed': true,
  'agent.created': true,
  'agent.updated': true,
  'agent.archived': true,
  'environment.created': true,
  'environment.updated': true,
  'environment.archived': true,
  'environment.deleted': true,
  'deployment.created': true,
  'deployment.updated': true,
  'deployment.paused': true,
  'deployment.unpaused': true,
  'deployment.archived': true,
  'deployment.ran': true,
  'approval.given': true,
  'approval.decided': true,
  'alert.acknowledged': true,
  'audit.exported': true,
};

export const AUDIT_ACTIONS = Object.keys(KNOWN).sort() as readonly Action[];
