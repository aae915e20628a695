import { toOwners, toTenant, toViewer, type Caller } from '../access/caller.ts';
import { LonghaulError } from '../core/errors.ts';
import type { Database } from '../db/database.ts';
import { toSessionNotFound } from '../run/accept/fork-session.ts';
import { findSessions, type Session } from '../run/sessions/read-sessions.ts';
import type { Submission } from '../run/accept/submission.ts';
import { fieldError } from './problem.ts';

interface Joining {
  readonly agent: string;
  readonly user?: string | undefined;
  readonly team?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly fork?: boolean | undefined;
}

/** The owners of a submission, and the session that it continues. */
export interface Joined {
  readonly user: string | undefined;
  readonly team: string | undefined;
  /** The team that owns the user; null when the user is the application's. */
  readonly tenant: string | null;
  readonly session: NonNullable<Submission['session']> | null;
}

/**
 * Finds the sessions of submissions in one query. Returns a function that finds the owners and the session of each
 * submission. A user or team that a submission does not name is taken from its session. The function throws a
 * `LonghaulError`: `forbidden` for a user or team that the caller may not name, `session_not_found` when the caller
 * sees no such session or the session has another user or team, `session_mismatch` when it has another agent.
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
 * Finds the owners and the session of one submission.
 * @throws {LonghaulError} as the function of `findJoined` does.
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
    if (isFork) throw fieldError('fork', 'must be sent with sessionId, the session to branch from');
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
