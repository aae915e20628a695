import type { FieldError } from '../core/errors.ts';
import { findOverlap, isWithin } from '../core/paths.ts';
import type { Agent } from './config.ts';
import { canWrite } from './resolve-tools.ts';

/**
 * Settings and instructions of a project are read where a run works. In a directory that runs share, one that writes could
 * leave them for the next, which may be another user's.
 */
export function findSettingsErrors(agents: ReadonlyMap<string, Agent>): FieldError[] {
  const all = [...agents.values()];
  return all
    .filter(({ settingSources, workspace }) => settingSources.length > 0 && workspace.mode === 'shared')
    .flatMap(({ name, workspace: { root } }) => {
      const writer = all.find((other) => canWrite(other.tools) && findOverlap(other.workspace.root, root) !== null);
      if (writer === undefined) return [];
      const message = `makes Claude Code follow the settings and instructions it finds in ${root}, and runs of "${writer.name}" can write there: one run could leave some for the next. Set workspace: { root, mode: "perRun", from: a directory with the settings }, or leave settingSources out`;
      return [{ path: `agents.${name}.settingSources`, message }];
    });
}

/** The data directory is hidden wherever it is, but not what lies in it and is shown. */
export function findVisibleErrors(visiblePaths: readonly string[], dataDir: string): FieldError[] {
  return visiblePaths
    .filter((place) => isWithin(place, dataDir))
    .map((place) => ({
      path: 'worker.visiblePaths',
      message: `must name nothing in Longhaul's data directory ${dataDir}; received ${JSON.stringify(place)}`,
    }));
}
