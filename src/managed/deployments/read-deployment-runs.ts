import type { Database } from '../../db/database.ts';
import { isSeenBy, type Viewer } from '../../run/viewer.ts';
import { notFound } from '../error.ts';
import { fromWireId } from '../ids.ts';
import type { TimeRange } from '../read-request.ts';
import type { DeploymentRunRow } from './deployment-run.ts';
import { isWithin } from './is-within.ts';

/**
 * Finds an attempt of a deployment by the id that clients see.
 * @throws {ManagedError} when the viewer sees none.
 */
export async function findDeploymentRun(
  database: Pick<Database, 'sql'>,
  { id, viewer }: { id: string; viewer: Viewer },
): Promise<DeploymentRunRow> {
  const uuid = fromWireId('drun', id);
  const row = uuid === null ? undefined : await runsOf(database, viewer).where('run.id', '=', uuid).executeTakeFirst();
  if (row === undefined) throw notFound('deployment run', id);
  return row;
}

interface ListOptions {
  readonly viewer: Viewer;
  /** UUID; null: of all deployments. */
  readonly deploymentId: string | null;
  readonly hasError: boolean | null;
  readonly trigger: 'schedule' | 'manual' | null;
  readonly createdAt: TimeRange;
  /** Attempts before this one, by UUID; null: from the newest. */
  readonly before: string | null;
  readonly limit: number;
}

/** Reads a page of the attempts of deployments that the viewer may see, newest first, and whether there are more. */
export async function listDeploymentRuns(
  database: Pick<Database, 'sql'>,
  { viewer, deploymentId, hasError, trigger, createdAt, before, limit }: ListOptions,
): Promise<{ runs: DeploymentRunRow[]; hasMore: boolean }> {
  let query = runsOf(database, viewer)
    .where(isWithin('run.created_at', createdAt))
    .orderBy('run.id', 'desc')
    .limit(limit + 1);
  if (deploymentId !== null) query = query.where('run.deployment_id', '=', deploymentId);
  if (hasError !== null) query = query.where('run.session_id', hasError ? 'is' : 'is not', null);
  if (trigger !== null) query = query.where('run.scheduled_at', trigger === 'manual' ? 'is' : 'is not', null);
  if (before !== null) query = query.where('run.id', '<', before);
  const rows = await query.execute();
  return { runs: rows.slice(0, limit), hasMore: rows.length > limit };
}

/** A viewer sees the attempts of the deployments that it sees. */
function runsOf({ sql: db }: Pick<Database, 'sql'>, viewer: Viewer) {
  return db
    .selectFrom('longhaul.managed_deployment_runs as run')
    .innerJoin('longhaul.managed_deployments as deployment', 'deployment.id', 'run.deployment_id')
    .selectAll('run')
    .where(isSeenBy(viewer, 'deployment'));
}
