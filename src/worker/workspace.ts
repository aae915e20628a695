import { lstat, readdir, readlink, realpath, rm, stat, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import type { Workspace } from '../config/config.ts';
import { LonghaulError, toMessage } from '../core/errors.ts';
import { createId, isId } from '../core/ids.ts';
import type { Logger } from '../core/log.ts';
import { findOverlap, makeDirectory } from '../core/paths.ts';
import { copyTemplate, PARTIAL_SUFFIX } from './copy-template.ts';

interface WorkspaceOptions {
  readonly workspace: Workspace;
  readonly run: { readonly id: string; readonly sessionId: string };
  /** Longhaul's data directory, which no run may see. */
  readonly dataDir: string;
  /** Receives, once for each template, a warning about what cannot be copied. */
  readonly log?: Logger;
}

/**
 * Makes the directory in which a run works, and returns its real path: the agent's root itself, or a directory beneath
 * it for the run or session, which a later attempt or run finds as the earlier one left it.
 * @throws {LonghaulError} `workspace_invalid`, with the directory and the reason.
 */
export function prepareWorkspace({ workspace, run, dataDir, log }: WorkspaceOptions): Promise<string> {
  return usable(workspace, async () => {
    const { root, template } = await openRoot({ workspace, dataDir });
    if (workspace.mode === 'shared') return root;
    const directory = path.join(root, nameOf(workspace, run));
    const found = await lstat(directory).catch(() => null);
    if (found === null) await fill(directory, template, log);
    const place = await realpath(directory);
    // A link in the directory's place would lead the run out of its root. Our own link leads to a pre-made directory
    // beside it.
    const isOurs =
      found?.isSymbolicLink() === true && path.dirname(place) === root && isSpareName(path.basename(place));
    if (place !== directory && !isOurs) throw new Error(`${directory} is a link`);
    return place;
  });
}

/**
 * Makes a directory for a future run, under a separate name. `adoptWorkspace` gives it to a run.
 * @throws {LonghaulError} `workspace_invalid`, with the directory and the reason.
 */
export function prepareSpareWorkspace({ workspace, dataDir, log }: Omit<WorkspaceOptions, 'run'>): Promise<string> {
  return usable(workspace, async () => {
    const { root, template } = await openRoot({ workspace, dataDir });
    if (workspace.mode === 'shared') return root;
    const directory = path.join(root, `${SPARE_PREFIX}${createId()}`);
    await fill(directory, template, log);
    return realpath(directory);
  });
}

/**
 * Gives a pre-made directory to a run permanently. `taken`: the run or its session already has a directory; `gone`: the
 * directory was removed.
 */
export async function adoptWorkspace(
  directory: string,
  { workspace, run }: Pick<WorkspaceOptions, 'workspace' | 'run'>,
): Promise<'adopted' | 'taken' | 'gone'> {
  const isThere = await stat(directory).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isThere) return 'gone';
  if (workspace.mode === 'shared') return 'adopted';
  try {
    // A link beside the directory: the processes that started in it know it by its name.
    await symlink(path.basename(directory), path.join(path.dirname(directory), nameOf(workspace, run)));
    return 'adopted';
  } catch {
    return 'taken';
  }
}

/** Removes a pre-made directory that was given to no run. */
export async function removeSpareWorkspace(directory: string, workspace: Workspace): Promise<void> {
  if (workspace.mode !== 'shared') await rm(directory, { recursive: true, force: true });
}

async function usable<T>(workspace: Workspace, prepare: () => Promise<T>): Promise<T> {
  try {
    return await prepare();
  } catch (cause) {
    throw new LonghaulError('workspace_invalid', {
      message: `The workspace ${workspace.root} cannot be used: ${toMessage(cause)}`,
      cause,
    });
  }
}

/** Resolves the agent's root and template to real paths, and rejects what no run may see. */
async function openRoot({ workspace, dataDir }: Pick<WorkspaceOptions, 'workspace' | 'dataDir'>) {
  if (workspace.mode !== 'shared') await makeDirectory(workspace.root);
  const root = await realpath(workspace.root);
  if (!(await stat(root)).isDirectory()) throw new Error('it is not a directory');
  // When the database is on another machine, there may be no data directory.
  const realDataDir = await realpath(dataDir).catch(() => dataDir);
  if (workspace.mode === 'shared') refuseExposed(refuseBroad(root), realDataDir);
  const template = workspace.from === null ? null : refuseExposed(await realpath(workspace.from), realDataDir);
  return { root, template };
}

function nameOf(workspace: Workspace, run: WorkspaceOptions['run']): string {
  return workspace.mode === 'perRun' ? run.id : run.sessionId;
}

/** Templates for which the warning about skipped files was logged. */
const told = new Set<string>();

async function fill(directory: string, template: string | null, log: Logger | undefined): Promise<void> {
  if (template === null) {
    await makeDirectory(directory);
    return;
  }
  const skipped = await copyTemplate(template, directory);
  if (skipped.length === 0 || told.has(template)) return;
  told.add(template);
  log?.warn(
    { template, skipped: skipped.slice(0, MOST_TOLD), count: skipped.length },
    'workspaces are made without the sockets, pipes and devices of their template',
  );
}

/** Number of skipped files that the warning names. */
const MOST_TOLD = 10;

function refuseBroad(root: string): string {
  if (root === path.parse(root).root || root === findHome())
    throw new Error('it is the root of the machine or a home directory');
  return root;
}

/** Returns null for a user without a home: a container may start with a user id that is in no list of users. */
function findHome(): string | null {
  try {
    return homedir();
  } catch {
    return null;
  }
}

/**
 * Rejects a path that overlaps the data directory. The configuration rejects it by name, but a link may still lead
 * there.
 */
function refuseExposed(place: string, dataDir: string): string {
  const overlap = findOverlap(place, dataDir);
  if (overlap !== null) throw new Error(`${place} ${overlap} Longhaul's data directory`);
  return place;
}

interface RemoveOptions {
  readonly before: Date;
  /** Returns the sessions among these that still exist. */
  readonly findSessions: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
}

/**
 * Removes the directories of runs that began before `before`, and of sessions that began before it and are deleted: their
 * names are UUIDv7 and contain the time. Also removes directories that a killed worker left half-made, or made for a run that never came.
 */
export async function removeOldWorkspaces(
  workspace: Workspace,
  { before, findSessions }: RemoveOptions,
): Promise<void> {
  if (workspace.mode === 'shared') return;
  const { root } = workspace;
  const entries = await readdir(root).catch(() => []);
  const remove = (names: readonly string[]) =>
    Promise.all(names.map((name) => rm(path.join(root, name), { recursive: true, force: true })));
  const old = entries.filter((entry) => isId(entry) && madeAt(entry) < before.getTime());
  // A session may go on for years.
  const kept = workspace.mode === 'perSession' && old.length > 0 ? await findSessions(old) : new Set();
  await remove(old.filter((entry) => !kept.has(entry)));
  const abandoned = Date.now() - ABANDONED_AFTER_MS;
  await remove(entries.filter((entry) => isPartialName(entry) && madeAt(entry.slice(1)) < abandoned));
  const spares = entries.filter((entry) => isSpareName(entry) && madeAt(entry.slice(SPARE_PREFIX.length)) < abandoned);
  if (spares.length === 0) return;
  const links = await Promise.all(
    entries.filter(isId).map((entry) => readlink(path.join(root, entry)).catch(() => '')),
  );
  const given = new Set(links);
  await remove(spares.filter((spare) => !given.has(spare)));
}

/** Prefix of a pre-made directory's name. A run that gets the directory has a link to it under the run's own name. */
const SPARE_PREFIX = 'spare-';
/** A process waits for a run for at most ten minutes, and a copy takes less than an hour. */
const ABANDONED_AFTER_MS = 3_600_000;

function isSpareName(name: string): boolean {
  return name.startsWith(SPARE_PREFIX) && isId(name.slice(SPARE_PREFIX.length));
}

function isPartialName(name: string): boolean {
  return name.startsWith('.') && name.endsWith(PARTIAL_SUFFIX) && isId(name.slice(1, -PARTIAL_SUFFIX.length));
}

/** Returns the creation time of something whose name begins with a UUIDv7, in milliseconds since the epoch. */
function madeAt(name: string): number {
  return Number.parseInt(name.replaceAll('-', '').slice(0, 12), 16);
}
