import { sql } from 'kysely';
import type { RunStatus } from '../core/states.ts';
import { HEALTH_AGENT } from '../config/health-agent.ts';
import type { Database } from '../db/database.ts';
import { toRun, type Run } from './run.ts';
import { isSeenBy, type Viewer } from './viewer.ts';

/** The run with this id; null when there is none, or none that the viewer may see. */
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

/** Those of these runs that there are and the viewer may see, by id. */
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
  /** Made by this schedule. */
  readonly scheduleId?: string | undefined;
  readonly errorCode?: string | undefined;
  /** False: only those that no other run tries again. */
  readonly isRetried?: false | undefined;
  /** Submitted at or after. */
  readonly from?: Date | undefined;
  /** Submitted before. */
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
 * A page of the runs that the viewer may see, newest first, and whether there are more; those of the health check only
 * where its agent is asked for. Each filter alone is answered from an index.
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
