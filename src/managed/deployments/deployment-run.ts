import type { Selectable } from 'kysely';
import type { ManagedDeploymentRunsTable } from '../../db/tables/managed.ts';
import { toWireId } from '../ids.ts';
import { toWireReference } from './deployment.ts';

export type DeploymentRunRow = Selectable<ManagedDeploymentRunsTable>;

/** Returns an attempt of a deployment to start a session, in the form of Anthropic's API. */
export function toWireDeploymentRun(row: DeploymentRunRow): Record<string, unknown> {
  const { scheduled_at: scheduledAt, session_id: sessionId } = row;
  const schedule = { type: 'schedule', scheduled_at: scheduledAt?.toISOString() };
  return {
    id: toWireId('drun', row.id),
    type: 'deployment_run',
    deployment_id: toWireId('depl', row.deployment_id),
    agent: toWireReference({ agentId: row.agent_id, agentVersion: row.agent_version }),
    trigger_context: scheduledAt === null ? { type: 'manual' } : schedule,
    session_id: sessionId === null ? null : toWireId('sesn', sessionId),
    error: row.error,
    created_at: row.created_at.toISOString(),
  };
}
