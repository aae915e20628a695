import { cp, mkdir, readdir, realpath, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Workspace } from '../config/config.ts';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { isId } from '../core/ids.ts';

/**
 * Makes the directory a run works in, and returns its real path: the agent's root itself, or a directory of
 * the run's or session's own beneath it, which a later attempt or run finds as the earlier left it.
 * @throws {LonghaulError} `workspace_invalid`, saying which directory and why.
 */
export async function prepareWorkspace(workspace: Workspace, run: { id: string; sessionId: string }): Promise<string> {
  try {
    if (workspace.mode !== 'shared') await mkdir(workspace.root, { recursive: true });
    const root = await realpath(workspace.root);
    if (!(await stat(root)).isDirectory()) throw new Error('it is not a directory');
    if (workspace.mode === 'shared') return refuseBroad(root);
    const directory = path.join(root, workspace.mode === 'perRun' ? run.id : run.sessionId);
    const isNew = (await mkdir(directory, { recursive: true })) !== undefined;
    // A link put in the directory's place would lead the run out of its root.
    if ((await realpath(directory)) !== directory) throw new Error(`${directory} is a link`);
    if (isNew && workspace.from !== null)
      await cp(workspace.from, directory, { recursive: true, verbatimSymlinks: true });
    return directory;
  } catch (cause) {
    throw new LonghaulError('workspace_invalid', {
      message: `The workspace ${workspace.root} cannot be used: ${toMessage(cause)}`,
      cause,
    });
  }
}

function refuseBroad(root: string): string {
  if (root === path.parse(root).root || root === homedir())
    throw new Error('it is the root of the machine or a home directory');
  return root;
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
