import { toOwners, toTenant, toViewer, type Caller } from '../access/caller.ts';
import { LonghaulError } from '../core/errors.ts';
import type { Database } from '../db/database.ts';
import { toSessionNotFound } from '../run/fork-session.ts';
import { findSessions, type Session } from '../run/read-sessions.ts';
import type { Submission } from '../run/submission.ts';
import { fieldError } from './problem.ts';

interface Joining {
  readonly agent: string;
  readonly user?: string | undefined;
  readonly team?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly fork?: boolean | undefined;
}

/** Whom a submission is for and which conversation it goes on with. */
export interface Joined {
  readonly user: string | undefined;
  readonly team: string | undefined;
  /** The team whose user it is; null: the application's. */
  readonly tenant: string | null;
  readonly session: NonNullable<Submission['session']> | null;
}

/**
 * Finds submissions the conversations they name, in one query, and answers what tells of each its owners and its
 * conversation. User and team that it does not name are the conversation's. It throws a `LonghaulError`: `forbidden` for
 * another's user or team, `session_not_found` when there is no such session for the caller or it is of another user or
 * team, `session_mismatch` when it is of another agent.
 */
export async function findJoined(
  database: Database,
  { bodies, caller }: { bodies: readonly Joining[]; caller: Caller },
): Promise<(body: Joining) => Joined> {
  const sessionIds = bodies.map(({ sessionId }) => sessionId).filter((id) => id !== undefined);
  const sessions = await findSessions(database, { sessionIds, viewer: toViewer(caller) });
  return (body) => join(body, { caller, sessions });
}

/**
 * The same for one submission.
 * @throws {LonghaulError} what `findJoined` says.
 */
export async function joinSession(
  database: Database,
  { body, caller }: { body: Joining; caller: Caller },
): Promise<Joined> {
  return (await findJoined(database, { bodies: [body], caller }))(body);
}

function join(body: Joining, { caller, sessions }: { caller: Caller; sessions: ReadonlyMap<string, Session> }): Joined {
  const owners = toOwners(caller, body);
  const { agent, sessionId, fork: isFork = false } = body;
  if (sessionId === undefined) {
    if (isFork) throw fieldError('fork', 'must come with sessionId, the session it begins a branch of');
    return { ...owners, tenant: toTenant(caller), session: null };
  }
  const session = sessions.get(sessionId.toLowerCase());
  const isOwn = (named: string | undefined, own: string | null) => named === undefined || named === own;
  if (session === undefined || !isOwn(owners.user, session.user) || !isOwn(owners.team, session.team)) {
    throw toSessionNotFound(sessionId);
  }
  if (session.agent !== agent) {
    const message = `must be a session of agent ${agent}; this one is of ${session.agent}`;
    throw new LonghaulError('session_mismatch', {
      message: `sessionId ${message}.`,
      errors: [{ path: 'sessionId', message }],
    });
  }
  return {
    user: session.user ?? undefined,
    team: session.team ?? undefined,
    tenant: toTenant(caller) ?? session.tenant,
    session: { id: session.id, isFork },
  };
}
