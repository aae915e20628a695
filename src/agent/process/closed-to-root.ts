import { stat } from 'node:fs/promises';
import path from 'node:path';
import { canWrite } from '../../config/resolve-tools.ts';
import type { Refusal } from '../outcome/agent-outcome.ts';
import type { ClaudeSpec } from './claude-spec.ts';

/** Directories for which the warning was logged. */
const told = new Set<string>();

/**
 * Returns the reason why root without capabilities cannot work in its directory, or null. If root may only not write
 * there, although its agent has tools that write, this is logged once.
 */
export async function refuseClosedToRoot({
  workspaceDir,
  agent,
  log,
}: Pick<ClaudeSpec, 'workspaceDir' | 'agent' | 'log'>): Promise<Refusal | null> {
  const closed = await findClosedToRoot(workspaceDir);
  if (closed === null) return null;
  const { place, to, owner } = closed;
  const detail = `${place} belongs to the user ${owner} and does not let other users ${to}: agents of root run without the capabilities that override this; change the owner or the permissions, or run the worker as that user`;
  if (to === 'read') return { status: 'failed', code: 'workspace_invalid', detail };
  if (canWrite(agent.tools) && !told.has(place)) {
    told.add(place);
    log?.warn({ agent: agent.name, workspace: workspaceDir }, detail);
  }
  return null;
}

/** The permission that a directory denies to root without capabilities, which is then an ordinary user. */
interface Closed {
  /** The directory, or one above it. */
  readonly place: string;
  readonly to: 'read' | 'write';
  readonly owner: number;
}

/**
 * Finds the directory that keeps root without capabilities from reading or writing; null when there is none. Checks
 * permission bits only, not access control lists.
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
