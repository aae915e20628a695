import { sql } from 'kysely';
import type { AgentDefinition } from '../../core/agent-definition.ts';
import { createId } from '../../core/ids.ts';
import { CHANNELS, type Database, type Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import { SEES_ALL } from '../../run/viewer.ts';
import type { AgentSnapshot } from '../agents/agents.ts';
import { invalid, notFound } from '../error.ts';
import { toWireId } from '../ids.ts';
import { note } from '../log/notes.ts';
import { findManagedSession } from './read-sessions.ts';
import { toThreadId, toWireAgent, type ManagedSession } from './session.ts';

export interface NewSession {
  readonly runsAs: string;
  readonly user: string | null;
  readonly team: string | null;
  readonly tenant: string | null;
  readonly agentId: string;
  readonly agentVersion: number;
  readonly agent: AgentSnapshot;
  /** Null: the agent of the configuration as it is. */
  readonly definition: AgentDefinition | null;
  readonly environmentId: string;
  readonly title: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Writes a session that has no run yet. Returns its id. */
export async function insertSession(trx: Transaction, session: NewSession): Promise<string> {
  const id = createId();
  await sql`
    insert into longhaul.sessions (id, agent, user_id, team, tenant, last_turn, is_managed)
    values (${id}, ${session.runsAs}, ${session.user}, ${session.team}, ${session.tenant}, 0, true)`.execute(trx);
  await trx
    .insertInto('longhaul.managed_sessions')
    .values({
      id,
      agent_id: session.agentId,
      agent_version: session.agentVersion,
      agent: JSON.stringify(session.agent),
      definition: session.definition === null ? null : JSON.stringify(session.definition),
      environment_id: session.environmentId,
      title: session.title,
      metadata: JSON.stringify(session.metadata),
      archived_at: null,
    })
    .execute();
  return id;
}

/** Locks a session, so that no turn of it begins or ends until the commit, and returns it as it is. */
export async function lockSession(trx: Transaction, id: string): Promise<ManagedSession> {
  // In the order in which the end of a run locks.
  await sql`select from longhaul.runs where session_id = ${id} and status = 'running' for update`.execute(trx);
  await sql`select from longhaul.sessions where id = ${id} for update`.execute(trx);
  const session = await findManagedSession({ sql: trx }, { id, viewer: SEES_ALL });
  if (session === null) throw notFound('session', toWireId('sesn', id));
  return session;
}

/** Changes a session in one transaction, under its lock. */
export function changeSession<T>(
  database: Database,
  id: string,
  change: (trx: Transaction, session: ManagedSession) => Promise<T>,
): Promise<T> {
  return retryDeadlock(() =>
    database.sql.transaction().execute(async (trx) => change(trx, await lockSession(trx, id))),
  );
}

export interface SessionChanges {
  readonly title?: string | null;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly agent?: { readonly snapshot: AgentSnapshot; readonly definition: AgentDefinition | null };
}

/** Changes fields of a locked session, and notes what has changed. */
export async function updateSession(trx: Transaction, session: ManagedSession, changes: SessionChanges): Promise<void> {
  const { title, metadata, agent } = changes;
  const data = {
    ...(title !== undefined && title !== session.title && { title }),
    ...(metadata !== undefined && JSON.stringify(metadata) !== JSON.stringify(session.metadata) && { metadata }),
    ...(agent !== undefined && { agent: toWireAgent({ ...session, agent: agent.snapshot }) }),
  };
  if (Object.keys(data).length === 0) return;
  await trx
    .updateTable('longhaul.managed_sessions')
    .set({
      updated_at: sql<Date>`now()`,
      ...(title !== undefined && { title }),
      ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
      ...(agent !== undefined && {
        agent: JSON.stringify(agent.snapshot),
        definition: agent.definition === null ? null : JSON.stringify(agent.definition),
      }),
    })
    .where('id', '=', session.id)
    .execute();
  await note(trx, { sessionId: session.id, type: 'session.updated', data });
}

/** Ends a locked session for good: nothing more can be sent to it. Its log stays. */
export async function archiveSession(trx: Transaction, session: ManagedSession): Promise<void> {
  if (session.archivedAt !== null) return;
  refuseWhileWorking(session, 'archived');
  await sql`update longhaul.managed_sessions set archived_at = now(), updated_at = now() where id = ${session.id}`.execute(
    trx,
  );
  const thread = { session_thread_id: toThreadId(session), agent_name: session.agent.name };
  await note(trx, { sessionId: session.id, type: 'session.thread_status_terminated', data: thread });
  await note(trx, { sessionId: session.id, type: 'session.status_terminated', data: {} });
}

/** Deletes a locked session with its runs, their events and its conversation. The ledger and the audit record stay. */
export async function deleteSession(trx: Transaction, session: ManagedSession): Promise<void> {
  refuseWhileWorking(session, 'deleted');
  await sql`delete from longhaul.runs where session_id = ${session.id}`.execute(trx);
  await sql`delete from longhaul.sessions where id = ${session.id}`.execute(trx);
  await sql`select pg_notify(${CHANNELS.events}, ${session.id})`.execute(trx);
}

/** A session that waits for a person is idle, but its run is unfinished: it is interrupted first. */
function refuseWhileWorking({ status, isWorking }: ManagedSession, done: string): void {
  if (!isWorking) return;
  const how = status === 'idle' ? 'It waits for a tool_confirmation.' : `It is ${status}.`;
  throw invalid(`The session cannot be ${done} now. ${how} Send user.interrupt and wait for session.status_idle.`);
}
