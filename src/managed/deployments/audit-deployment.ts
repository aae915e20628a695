import type { AuditAction } from '../../audit/actions.ts';
import type { AuditRecord } from '../../audit/record.ts';
import { recordAudit } from '../../audit/record.ts';
import type { Transaction } from '../../db/database.ts';
import { noteManagedWebhooks } from '../../run/webhooks/note-managed-webhooks.ts';
import { toWireId } from '../ids.ts';
import type { Deployment } from './deployment.ts';

interface Audited {
  readonly action: Exclude<Extract<AuditAction, `deployment.${string}`>, 'deployment.ran'>;
  readonly deployment: Deployment;
  readonly actor: string;
  /** Why Longhaul did it by itself. Defaults to none. */
  readonly reason?: string;
}

/** Records a change of a deployment, with everything that its sessions depend on, and queues its webhook deliveries. */
export async function auditDeployment(trx: Transaction, audited: Audited): Promise<void> {
  const record = toAuditRecord(audited);
  await recordAudit(trx, { actor: audited.actor, ...record });
  const { action, deployment } = audited;
  await noteManagedWebhooks(trx, { types: [action], subject: record.subject, owners: deployment });
}

/** Returns the entry without its actor. */
export function toAuditRecord({ action, deployment, reason }: Omit<Audited, 'actor'>): Omit<AuditRecord, 'actor'> {
  const { id, name, agentId: agent, agentVersion: version, environmentId: environment, schedule } = deployment;
  const { user, team, initialEvents } = deployment;
  const data = { name, agent, version, environment, ...schedule, user, team, prompt: toPrompt(initialEvents) };
  return { action, subject: toWireId('depl', id), data: { ...data, ...(reason !== undefined && { reason }) } };
}

/** Images and documents are left out. */
function toPrompt(events: Deployment['initialEvents']): string {
  const texts = events.flatMap((event) =>
    event.type === 'user.message' ? event.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])) : [],
  );
  return texts.join('\n\n');
}
