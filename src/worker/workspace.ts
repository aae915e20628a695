import { cp, lstat, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Workspace } from '../config/config.ts';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { isId } from '../core/ids.ts';
import { findOverlap, makeDirectory } from '../core/paths.ts';

interface WorkspaceOptions {
  readonly workspace: Workspace;
  readonly run: { readonly id: string; readonly sessionId: string };
  /** Longhaul's own directory, which no run may see. */
  readonly dataDir: string;
}

/**
 * Makes the directory a run works in, and returns its real path: the agent's root itself, or a directory of
 * the run's or session's own beneath it, which a later attempt or run finds as the earlier left it.
 * @throws {LonghaulError} `workspace_invalid`, saying which directory and why.
 */
export async function prepareWorkspace({ workspace, run, dataDir }: WorkspaceOptions): Promise<string> {
  try {
    if (workspace.mode !== 'shared') await makeDirectory(workspace.root);
    const root = await realpath(workspace.root);
    if (!(await stat(root)).isDirectory()) throw new Error('it is not a directory');
    // Where the database is elsewhere there may be none.
    const realDataDir = await realpath(dataDir).catch(() => dataDir);
    if (workspace.mode === 'shared') return refuseExposed(refuseBroad(root), realDataDir);
    const template = workspace.from === null ? null : refuseExposed(await realpath(workspace.from), realDataDir);
    const directory = path.join(root, workspace.mode === 'perRun' ? run.id : run.sessionId);
    const isThere = (await lstat(directory).catch(() => null)) !== null;
    if (!isThere) await (template === null ? makeDirectory(directory) : copyWhole(template, directory));
    // A link put in the directory's place would lead the run out of its root.
    if ((await realpath(directory)) !== directory) throw new Error(`${directory} is a link`);
    return directory;
  } catch (cause) {
    throw new LonghaulError('workspace_invalid', {
      message: `The workspace ${workspace.root} cannot be used: ${toMessage(cause)}`,
      cause,
    });
  }
}

/** Under another name first: a copy that breaks off half-way is never taken for the whole by a later attempt. */
async function copyWhole(from: string, to: string): Promise<void> {
  const aside = path.join(path.dirname(to), `.${path.basename(to)}.new`);
  await rm(aside, { recursive: true, force: true });
  await cp(from, aside, { recursive: true, verbatimSymlinks: true });
  await rename(aside, to);
}

function refuseBroad(root: string): string {
  if (root === path.parse(root).root || root === homedir())
    throw new Error('it is the root of the machine or a home directory');
  return root;
}

/** The configuration refuses this by name; a link may lead there all the same. */
function refuseExposed(place: string, dataDir: string): string {
  const overlap = findOverlap(place, dataDir);
  if (overlap !== null) throw new Error(`${place} ${overlap} Longhaul's data directory`);
  return place;
}

/** Removes the directories of runs and sessions that began before `before`: their names, UUIDv7, say when that was. */
export async function removeOldWorkspaces(workspace: Workspace, before: Date): Promise<void> {
  if (workspace.mode === 'shared') return;
  const entries = await readdir(workspace.root).catch(() => []);
  const old = entries.filter(
    (entry) => isId(entry) && Number.parseInt(entry.replaceAll('-', '').slice(0, 12), 16) < before.getTime(),
  );
  await Promise.all(old.map((entry) => rm(path.join(workspace.root, entry), { recursive: true, force: true })));
}
