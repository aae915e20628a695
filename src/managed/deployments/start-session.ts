import { recordAudit } from '../../audit/record.ts';
import { createId } from '../../core/ids.ts';
import type { Transaction } from '../../db/database.ts';
import { noteManagedWebhooks } from '../../run/webhooks/note-managed-webhooks.ts';
import { toWireId } from '../ids.ts';
import { toWireBudget } from '../log/wire-budget.ts';
import { prepareSession, writeSession, type CreateDeps } from '../routes/create-session.ts';
import { onlyOwners } from '../sessions/session-owners.ts';
import type { NewSessionBody } from '../sessions/session-schema.ts';
import { toDeploymentCaller, type Deployment } from './deployment.ts';
import type { DeploymentRunRow } from './deployment-run.ts';
import type { RunError } from './run-error.ts';

interface Start {
  readonly deployment: Deployment;
  /** The tick; null: requested. */
  readonly scheduledAt: Date | null;
  /** For the audit record. */
  readonly actor: string;
}

/**
 * Starts a session of a deployment, as `sessions.create` does, and records it.
 * @throws {ManagedError} or {LonghaulError} when the session is refused: see `toRunError`.
 */
export async function startSession(
  trx: Transaction,
  { deps, ...start }: Start & { readonly deps: CreateDeps },
): Promise<DeploymentRunRow> {
  const { deployment, scheduledAt, actor } = start;
  const prepared = await prepareSession(deps, {
    db: { sql: trx },
    body: toSessionBody(deployment),
    owners: deployment,
    caller: toDeploymentCaller(deployment),
    actor,
    deploymentId: deployment.id,
  });
  const sessionId = await writeSession(trx, prepared);
  const row = await trx
    .insertInto('longhaul.managed_deployment_runs')
    .values({ ...toColumns(deployment), scheduled_at: scheduledAt, session_id: sessionId, error: null })
    .returningAll()
    .executeTakeFirstOrThrow();
  const trigger = scheduledAt === null ? 'manual' : 'schedule';
  const data = { name: deployment.name, run: toWireId('drun', row.id), session: sessionId, trigger };
  await recordAudit(trx, { actor, action: 'deployment.ran', subject: toWireId('depl', deployment.id), data });
  await noteManagedWebhooks(trx, { types: ['deployment_run.started'], subject: data.run, owners: deployment });
  return row;
}

/** Records that a deployment started no session; null: its tick was recorded before. */
export async function recordRunError(
  trx: Transaction,
  { deployment, scheduledAt, error }: Omit<Start, 'actor'> & { readonly error: RunError },
): Promise<DeploymentRunRow | null> {
  const row = await trx
    .insertInto('longhaul.managed_deployment_runs')
    .values({ ...toColumns(deployment), scheduled_at: scheduledAt, session_id: null, error: JSON.stringify(error) })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) return null;
  const subject = toWireId('drun', row.id);
  await noteManagedWebhooks(trx, { types: ['deployment_run.failed'], subject, owners: deployment });
  return row;
}

/** Returns the session that a deployment starts, as a client would create it. */
export function toSessionBody(deployment: Deployment): NewSessionBody {
  const { name, agentId: id, agentVersion: version, environmentId, initialEvents, metadata, budgetMicros } = deployment;
  return {
    agent: { type: 'agent', id, version },
    environment_id: environmentId,
    title: name,
    metadata: onlyOwners(metadata),
    budget: toWireBudget(budgetMicros),
    initial_events: [...initialEvents],
  };
}

function toColumns({ id, agentId, agentVersion }: Deployment) {
  return { id: createId(), deployment_id: id, agent_id: agentId, agent_version: agentVersion };
}
