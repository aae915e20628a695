import { toViewer, type Caller } from '../../access/caller.ts';
import type { Database } from '../../db/database.ts';
import { isSeenBy, type Viewer } from '../../run/viewer.ts';
import { notFound } from '../error.ts';
import { fromWireId } from '../ids.ts';
import type { TimeRange } from '../read-request.ts';
import { toDeployment, type Deployment } from './deployment.ts';
import { isWithin } from './is-within.ts';

/**
 * Finds a deployment by the id that clients see.
 * @throws {ManagedError} when the caller sees no such deployment.
 */
export async function findDeployment(
  { sql: db }: Pick<Database, 'sql'>,
  { id, caller }: { id: string; caller: Caller },
): Promise<Deployment> {
  const uuid = fromWireId('depl', id);
  if (uuid === null) throw notFound('deployment', id);
  const row = await db
    .selectFrom('longhaul.managed_deployments')
    .selectAll()
    .where('id', '=', uuid)
    .where(isSeenBy(toViewer(caller)))
    .executeTakeFirst();
  if (row === undefined) throw notFound('deployment', id);
  return toDeployment(row);
}

interface ListOptions {
  readonly viewer: Viewer;
  readonly agentId: string | null;
  readonly status: 'active' | 'paused' | null;
  readonly hasArchived: boolean;
  readonly createdAt: TimeRange;
  /** Deployments created before this one, by UUID; null: from the newest. */
  readonly before: string | null;
  readonly limit: number;
}

/** Reads a page of the deployments that the viewer may see, newest first, and whether there are more. */
export async function listDeployments(
  { sql: db }: Pick<Database, 'sql'>,
  { viewer, agentId, status, hasArchived, createdAt, before, limit }: ListOptions,
): Promise<{ deployments: Deployment[]; hasMore: boolean }> {
  let query = db
    .selectFrom('longhaul.managed_deployments')
    .selectAll()
    .where(isSeenBy(viewer))
    .where(isWithin('created_at', createdAt))
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (agentId !== null) query = query.where('agent_id', '=', agentId);
  if (status !== null) query = query.where('paused_at', status === 'paused' ? 'is not' : 'is', null);
  if (!hasArchived) query = query.where('archived_at', 'is', null);
  if (before !== null) query = query.where('id', '<', before);
  const rows = await query.execute();
  return { deployments: rows.slice(0, limit).map(toDeployment), hasMore: rows.length > limit };
}
