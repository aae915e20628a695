import type { ApprovalKind, ApprovalStatus } from '../../core/approvals.ts';
import type { Database } from '../../db/database.ts';
import { toApproval, type Approval } from './approval.ts';
import { isSeenBy, type Viewer } from '../viewer.ts';

/** Reads the approval with this id; null when the viewer may see none. */
export async function findApprovalById(
  database: Database,
  { id, viewer }: { id: string; viewer: Viewer },
): Promise<Approval | null> {
  const row = await database.sql
    .selectFrom('longhaul.approvals')
    .selectAll()
    .where('id', '=', id)
    .where(isSeenBy(viewer))
    .executeTakeFirst();
  return row === undefined ? null : toApproval(row);
}

export interface ApprovalFilter {
  readonly status?: ApprovalStatus | undefined;
  readonly kind?: ApprovalKind | undefined;
  readonly runId?: string | undefined;
  readonly user?: string | undefined;
}

interface ListOptions {
  readonly viewer: Viewer;
  readonly filter: ApprovalFilter;
  /** Approvals requested before this one, by id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Reads a page of the approvals that the viewer may see, newest first, and whether there are more. */
export async function listApprovals(
  database: Database,
  { viewer, filter, before, limit }: ListOptions,
): Promise<{ approvals: Approval[]; hasMore: boolean }> {
  const { status, kind, runId, user } = filter;
  let query = database.sql
    .selectFrom('longhaul.approvals')
    .selectAll()
    .where(isSeenBy(viewer))
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (before !== undefined) query = query.where('id', '<', before);
  if (status !== undefined) query = query.where('status', '=', status);
  if (kind !== undefined) query = query.where('kind', '=', kind);
  if (runId !== undefined) query = query.where('run_id', '=', runId);
  if (user !== undefined) query = query.where('user_id', '=', user);
  const rows = await query.execute();
  return { approvals: rows.slice(0, limit).map(toApproval), hasMore: rows.length > limit };
}
