import { mayRead, toViewer, type Caller } from '../access/caller.ts';
import type { Config } from '../config/config.ts';
import { LonghaulError } from '../core/errors.ts';
import type { Database } from '../db/database.ts';
import { findRuns, listRuns } from '../run/read/read-runs.ts';
import type { RunFilter } from '../run/read/run-filter.ts';
import type { Run } from '../run/run.ts';
import { fieldError } from './problem.ts';
import { toRunFilter } from './run-filter-fields.ts';

/** Page size of a request that names no runs and has no `limit`. */
const DEFAULT_LIMIT = 200;

interface ChooseOptions {
  readonly caller: Caller;
  /** The selection as the client sent it. */
  readonly selection: Parameters<typeof toRunFilter>[0] & {
    readonly ids?: readonly string[] | undefined;
    readonly cursor?: string | undefined;
    readonly limit?: number | undefined;
  };
  /** A further filter for runs that are not named by `ids`. */
  readonly filter: RunFilter;
}

interface Chosen {
  /** A run is null when no run has this id or the caller may not see it. */
  readonly runs: readonly (readonly [id: string, run: Run | null])[];
  /** Cursor of the next page; null when this page is the last. */
  readonly nextCursor: string | null;
}

/**
 * Reads the runs that a request selects: the runs named by `ids`, or one page of the runs that match its filters.
 * @throws {LonghaulError} `invalid_request` when the request has both `ids` and filters; `forbidden` when a caller that
 * may not read runs selects by what it may not read.
 */
export async function chooseRuns(
  { config, database }: { readonly config: Config; readonly database: Database },
  { caller, selection, filter }: ChooseOptions,
): Promise<Chosen> {
  const { ids, cursor, limit = DEFAULT_LIMIT, ...given } = selection;
  const viewer = toViewer(caller);
  if (ids !== undefined) {
    const [other] = Object.entries({ ...given, cursor, limit: selection.limit }).filter(
      ([, value]) => value !== undefined,
    );
    if (other !== undefined) throw fieldError(other[0], 'must not be given beside ids, which name the runs already');
    const runIds = [...new Set(ids)];
    const found = await findRuns(database, { runIds, viewer });
    return { runs: runIds.map((id) => [id, found.get(id) ?? null]), nextCursor: null };
  }
  if (!mayRead(caller)) refuseToSearch(given);
  const wanted = { ...toRunFilter(given, config), ...filter };
  const { runs, hasMore } = await listRuns(database, { viewer, filter: wanted, before: cursor, limit });
  return { runs: runs.map((run) => [run.id, run]), nextCursor: hasMore ? (runs.at(-1)?.id ?? null) : null };
}

/** The fields that select runs by what only callers with `runs:read` may see of them: `toRunResource` masks it. */
const SEARCH_FIELDS = [
  'q',
  'metadata',
  'errorCode',
  'minCostUsd',
  'maxCostUsd',
  'minDurationSeconds',
  'maxDurationSeconds',
] as const satisfies (keyof ChooseOptions['selection'])[];

/** Rejects a search, because the runs that match would tell the caller what they contain. */
function refuseToSearch(given: Partial<Record<(typeof SEARCH_FIELDS)[number], unknown>>): void {
  const errors = SEARCH_FIELDS.filter((field) => given[field] !== undefined).map((path) => ({
    path,
    message: 'must be left out without the scope runs:read',
  }));
  if (errors.length === 0) return;
  throw new LonghaulError('forbidden', {
    message: `Only a caller with the scope runs:read may select runs by ${errors.map(({ path }) => path).join(', ')}.`,
    errors,
  });
}
