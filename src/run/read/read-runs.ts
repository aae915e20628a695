import { sql, type Selectable } from 'kysely';
import type { Database } from '../../db/database.ts';
import type { RunsTable } from '../../db/tables.ts';
import { toRun, type Run } from '../run.ts';
import type { RunFilter } from './run-filter.ts';
import { selectRunIds } from './select-run-ids.ts';
import { isSeenBy, type Viewer } from '../viewer.ts';

/** Reads the run with this id; null when the viewer may see none. */
export async function findRun(
  database: Database,
  { runId, viewer }: { runId: string; viewer: Viewer },
): Promise<Run | null> {
  const row = await database.preparedSql
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
  const rows = await database.preparedSql
    .selectFrom('longhaul.runs')
    .selectAll()
    .where('id', '=', sql<string>`any(${sql.val([...runIds])}::uuid[])`)
    .where(isSeenBy(viewer))
    .execute();
  return new Map(rows.map((row) => [row.id, toRun(row)]));
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
 * appear only when its agent is requested.
 */
export async function listRuns(
  database: Database,
  { viewer, filter, before, limit }: ListOptions,
): Promise<{ runs: Run[]; hasMore: boolean }> {
  const { rows } = await sql<Selectable<RunsTable>>`
    select runs.* from (${selectRunIds({ viewer, filter, before, limit: limit + 1 })}) as page
      join longhaul.runs as runs on runs.id = page.id order by runs.id desc`.execute(database.sql);
  return { runs: rows.slice(0, limit).map(toRun), hasMore: rows.length > limit };
}

/** Counts the runs of `listRuns`, up to `upTo`. */
export async function countRuns(
  database: Database,
  { viewer, filter, upTo }: Pick<ListOptions, 'viewer' | 'filter'> & { upTo: number },
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from (${selectRunIds({ viewer, filter, limit: upTo })}) as counted`.execute(
    database.sql,
  );
  return rows[0]!.count;
}
