import { LonghaulError } from '../../core/errors.ts';
import type { Database } from '../../db/database.ts';
import { findRun } from '../../run/read/read-runs.ts';
import type { Run } from '../../run/run.ts';
import type { Viewer } from '../../run/viewer.ts';
import { idParams } from './requests.ts';

/** Path parameters of a route about one run. */
export const runParams = idParams('a run');

/**
 * Reads a run that the viewer may see.
 * @throws {LonghaulError} `run_not_found`.
 */
export async function requireRun(
  database: Database,
  { runId, viewer }: { runId: string; viewer: Viewer },
): Promise<Run> {
  const run = await findRun(database, { runId, viewer });
  if (run === null) throw runNotFound(runId);
  return run;
}

export function runNotFound(id: string): LonghaulError {
  return new LonghaulError('run_not_found', {
    message: `There is no run ${id}.`,
    errors: [{ path: 'id', message: 'names no run' }],
  });
}
