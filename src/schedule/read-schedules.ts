import type { Database } from '../db/database.ts';
import { isSeenBy, type Viewer } from '../run/viewer.ts';
import { toSchedule, type Schedule } from './schedule.ts';

/** Reads the schedule with this id; null when the viewer may see none. */
export async function findSchedule(
  database: Database,
  { id, viewer }: { id: string; viewer: Viewer },
): Promise<Schedule | null> {
  const row = await database.sql
    .selectFrom('longhaul.schedules')
    .selectAll()
    .where('id', '=', id)
    .where(isSeenBy(viewer))
    .executeTakeFirst();
  return row === undefined ? null : toSchedule(row);
}

interface ListOptions {
  readonly viewer: Viewer;
  readonly agent?: string | undefined;
  readonly user?: string | undefined;
  /** Schedules created before this one, by id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Reads a page of the schedules that the viewer may see, newest first, and whether there are more. */
export async function listSchedules(
  database: Database,
  { viewer, agent, user, before, limit }: ListOptions,
): Promise<{ schedules: Schedule[]; hasMore: boolean }> {
  let query = database.sql
    .selectFrom('longhaul.schedules')
    .selectAll()
    .where(isSeenBy(viewer))
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (before !== undefined) query = query.where('id', '<', before);
  if (agent !== undefined) query = query.where('agent', '=', agent);
  if (user !== undefined) query = query.where('user_id', '=', user);
  const rows = await query.execute();
  return { schedules: rows.slice(0, limit).map(toSchedule), hasMore: rows.length > limit };
}
