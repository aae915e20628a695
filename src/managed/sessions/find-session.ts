import { toViewer, type Caller } from '../../access/caller.ts';
import type { ManagedDeps } from '../deps.ts';
import { notFound } from '../error.ts';
import { fromWireId } from '../ids.ts';
import { findManagedSession } from './read-sessions.ts';
import { toThreadId, type ManagedSession } from './session.ts';

/** @throws {ManagedError} when the thread is not of the session. */
export function checkThread(session: ManagedSession, threadId: string): void {
  if (threadId !== toThreadId(session)) throw notFound('thread', threadId);
}

/**
 * Finds a session by the id that clients see.
 * @throws {ManagedError} when the caller sees no such session.
 */
export async function findSession(
  { database }: Pick<ManagedDeps, 'database'>,
  { id, caller }: { id: string; caller: Caller },
): Promise<ManagedSession> {
  const uuid = fromWireId('sesn', id);
  const session = uuid === null ? null : await findManagedSession(database, { id: uuid, viewer: toViewer(caller) });
  if (session === null) throw notFound('session', id);
  return session;
}
