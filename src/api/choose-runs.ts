import type { Config } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { findRuns, listRuns } from '../run/read-runs.ts';
import type { RunFilter } from '../run/run-filter.ts';
import type { Run } from '../run/run.ts';
import type { Viewer } from '../run/viewer.ts';
import { fieldError } from './problem.ts';
import { toRunFilter } from './run-filter-fields.ts';

/** How many runs one request is about that names none. */
const DEFAULT_LIMIT = 200;

interface ChooseOptions {
  readonly viewer: Viewer;
  /** As it was sent. */
  readonly selection: Parameters<typeof toRunFilter>[0] & {
    readonly ids?: readonly string[] | undefined;
    readonly cursor?: string | undefined;
    readonly limit?: number | undefined;
  };
  /** What has to hold as well of runs that are not named. */
  readonly filter: RunFilter;
}

interface Chosen {
  /** Null: there is none with that id, or none that may be seen. */
  readonly runs: readonly (readonly [id: string, run: Run | null])[];
  /** For the runs behind these; null: there are none. */
  readonly nextCursor: string | null;
}

/**
 * The runs that a request for many means: those it names, or a page of those it describes.
 * @throws {LonghaulError} `invalid_request` when it does both.
 */
export async function chooseRuns(
  { config, database }: { readonly config: Config; readonly database: Database },
  { viewer, selection, filter }: ChooseOptions,
): Promise<Chosen> {
  const { ids, cursor, limit = DEFAULT_LIMIT, ...given } = selection;
  if (ids !== undefined) {
    const [other] = Object.entries({ ...given, cursor, limit: selection.limit }).filter(
      ([, value]) => value !== undefined,
    );
    if (other !== undefined) throw fieldError(other[0], 'must not be given beside ids, which name the runs already');
    const runIds = [...new Set(ids)];
    const found = await findRuns(database, { runIds, viewer });
    return { runs: runIds.map((id) => [id, found.get(id) ?? null]), nextCursor: null };
  }
  const wanted = { ...toRunFilter(given, config), ...filter };
  const { runs, hasMore } = await listRuns(database, { viewer, filter: wanted, before: cursor, limit });
  return { runs: runs.map((run) => [run.id, run]), nextCursor: hasMore ? (runs.at(-1)?.id ?? null) : null };
}
