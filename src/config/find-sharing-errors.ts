import type { FieldError } from '../core/errors.ts';
import { findOverlap, isWithin } from '../core/paths.ts';
import type { Agent } from './config.ts';
import { canWrite } from './resolve-tools.ts';

/**
 * Returns an error for each agent whose project settings another run could write. Claude Code reads the settings and
 * instructions of a project in the run's directory. In a shared directory, one run could leave some for the next run,
 * which may belong to another user.
 */
export function findSettingsErrors(agents: ReadonlyMap<string, Agent>): FieldError[] {
  const all = [...agents.values()];
  return all
    .filter(({ settingSources, workspace }) => settingSources.length > 0 && workspace.mode === 'shared')
    .flatMap(({ name, workspace: { root } }) => {
      const writer = all.find((other) => canWrite(other.tools) && findOverlap(other.workspace.root, root) !== null);
      if (writer === undefined) return [];
      const message = `makes Claude Code follow the settings and instructions in ${root}, and runs of "${writer.name}" can write there: one run could change them for the next. Set workspace: { root, mode: "perRun", from: a directory with the settings }, or leave settingSources out`;
      return [{ path: `agents.${name}.settingSources`, message }];
    });
}

/**
 * Returns an error for each visible path within the data directory. The data directory itself is always hidden, but a
 * visible path within it would not be.
 */
export function findVisibleErrors(visiblePaths: readonly string[], dataDir: string): FieldError[] {
  return visiblePaths
    .filter((place) => isWithin(place, dataDir))
    .map((place) => ({
      path: 'worker.visiblePaths',
      message: `must not name a path in Longhaul's data directory ${dataDir}; received ${JSON.stringify(place)}`,
    }));
}
