import { stat } from 'node:fs/promises';
import path from 'node:path';
import { canWrite } from '../config/resolve-tools.ts';
import type { Refusal } from './agent-outcome.ts';
import type { ClaudeSpec } from './claude-spec.ts';

/** Directories that it was said of already. */
const told = new Set<string>();

/**
 * The reason for which root without capabilities cannot work in its directory, or null. That it may not write there, though
 * its agent has tools that would, is said in the log, once.
 */
export async function refuseClosedToRoot({
  workspaceDir,
  agent,
  log,
}: Pick<ClaudeSpec, 'workspaceDir' | 'agent' | 'log'>): Promise<Refusal | null> {
  const closed = await findClosedToRoot(workspaceDir);
  if (closed === null) return null;
  const { place, to, owner } = closed;
  const detail = `${place} belongs to the user ${owner} and is not open for others to ${to}: agents of root run without the capabilities by which it may do so all the same; change the owner or the permissions, or run the worker as that user`;
  if (to === 'read') return { status: 'failed', code: 'workspace_invalid', detail };
  if (canWrite(agent.tools) && !told.has(place)) {
    told.add(place);
    log?.warn({ agent: agent.name, workspace: workspaceDir }, detail);
  }
  return null;
}

/** What a directory does not let root do that has no capabilities, and so is one user among others. */
interface Closed {
  /** The directory, or one above it. */
  readonly place: string;
  readonly to: 'read' | 'write';
  readonly owner: number;
}

/**
 * Finds what keeps root without capabilities from reading or writing in a directory; null: nothing. Judged by permission
 * bits: lists of access rights are not looked at.
 */
export async function findClosedToRoot(directory: string): Promise<Closed | null> {
  let unwritable: Closed | null = null;
  for (let place = directory; ; place = path.dirname(place)) {
    const { uid, gid, mode } = await stat(place);
    const bits = (uid === 0 ? mode >> 6 : groups().has(gid) ? mode >> 3 : mode) & 0o7;
    const isMissing = (wanted: number) => (bits & wanted) !== wanted;
    if (isMissing(place === directory ? READ_AND_SEARCH : SEARCH)) return { place, to: 'read', owner: uid };
    if (place === directory && isMissing(WRITE)) unwritable = { place, to: 'write', owner: uid };
    if (place === path.dirname(place)) return unwritable;
  }
}

const READ_AND_SEARCH = 0o5;
const WRITE = 0o2;
const SEARCH = 0o1;

function groups(): ReadonlySet<number> {
  return new Set([process.getgid?.() ?? 0, ...(process.getgroups?.() ?? [])]);
}
