import { sql } from 'kysely';
import type { RunStatus } from '../core/states.ts';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import type { Database } from '../db/database.ts';
import { toRun, type Run } from './run.ts';
import { isSeenBy, type Viewer } from './viewer.ts';

/** Reads the run with this id; null when the viewer may see none. */
export async function findRun(
  database: Database,
  { runId, viewer }: { runId: string; viewer: Viewer },
): Promise<Run | null> {
  const row = await database.sql
    .selectFrom('longhaul.runs')
    .selectAll()
    .where('id', '=', runId)
    .where(isSeenBy(viewer))
    .executeTakeFirst();
  return row === undefined ? null : toRun(row);
}

/** Reads the runs among these that exist and that the viewer may see, by id. */
export async function findRuns(
  database: Database,
  { runIds, viewer }: { runIds: readonly string[]; viewer: Viewer },
): Promise<Map<string, Run>> {
  const rows = await database.sql
    .selectFrom('longhaul.runs')
    .selectAll()
    .where('id', '=', sql<string>`any(${sql.val([...runIds])}::uuid[])`)
    .where(isSeenBy(viewer))
    .execute();
  return new Map(rows.map((row) => [row.id, toRun(row)]));
}

export interface RunFilter {
  readonly status?: RunStatus | undefined;
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  readonly sessionId?: string | undefined;
  /** Runs of this schedule. */
  readonly scheduleId?: string | undefined;
  readonly errorCode?: string | undefined;
  /** False: only runs that no other run retries. */
  readonly isRetried?: false | undefined;
  /** Submitted at this time or later. */
  readonly from?: Date | undefined;
  /** Submitted before this time. */
  readonly to?: Date | undefined;
}

interface ListOptions {
  readonly viewer: Viewer;
  readonly filter: RunFilter;
  /** Runs submitted before this one, by id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/**
 * Reads a page of the runs that the viewer may see, newest first, and whether there are more. Runs of the health check
 * appear only when its agent is requested. Each filter alone is answered from an index.
 */
export async function listRuns(
  database: Database,
  { viewer, filter, before, limit }: ListOptions,
): Promise<{ runs: Run[]; hasMore: boolean }> {
  const { status, agent, user, sessionId, scheduleId, errorCode, isRetried, from, to } = filter;
  let query = database.sql
    .selectFrom('longhaul.runs')
    .selectAll()
    .where(isSeenBy(viewer))
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (before !== undefined) query = query.where('id', '<', before);
  if (status !== undefined) query = query.where('status', '=', status);
  query = agent === undefined ? query.where('agent', '<>', HEALTH_AGENT) : query.where('agent', '=', agent);
  if (user !== undefined) query = query.where('user_id', '=', user);
  if (sessionId !== undefined) query = query.where('session_id', '=', sessionId);
  if (scheduleId !== undefined) query = query.where('schedule_id', '=', scheduleId);
  if (errorCode !== undefined) query = query.where('error_code', '=', errorCode);
  if (isRetried === false) {
    query = query.where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('longhaul.runs as retry').select('retry.id').whereRef('retry.retry_of', '=', 'longhaul.runs.id'),
        ),
      ),
    );
  }
  if (from !== undefined) query = query.where('created_at', '>=', from);
  if (to !== undefined) query = query.where('created_at', '<', to);
  const rows = await query.execute();
  return { runs: rows.slice(0, limit).map(toRun), hasMore: rows.length > limit };
}
