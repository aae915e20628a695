import { sql } from 'kysely';
import { recordAuditMany } from '../../audit/record.ts';
import type { Transaction } from '../../db/database.ts';
import { toWireId } from '../ids.ts';

/** Archives the deployments of an agent that is archived in `trx`: they could start no session any more. */
export async function archiveDeployments(
  trx: Transaction,
  { agentId, actor }: { agentId: string; actor: string },
): Promise<void> {
  const archived = await trx
    .updateTable('longhaul.managed_deployments')
    .set({ archived_at: sql<Date>`now()`, updated_at: sql<Date>`now()`, next_at: null })
    .where('agent_id', '=', agentId)
    .where('archived_at', 'is', null)
    .returning(['id', 'name'])
    .execute();
  await recordAuditMany(
    trx,
    archived.map(({ id, name }) => ({
      actor,
      action: 'deployment.archived',
      subject: toWireId('depl', id),
      data: { name, agent: agentId, reason: 'agent_archived' },
    })),
  );
}
