import { sql } from 'kysely';
import type { AgentDefinition } from '../../core/agent-definition.ts';
import { createId } from '../../core/ids.ts';
import type { Micros } from '../../core/money.ts';
import { CHANNELS, type Database, type Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import { cancelWithin } from '../../run/cancel.ts';
import type { Run } from '../../run/run.ts';
import { SEES_ALL } from '../../run/viewer.ts';
import { noteSessionWebhooks } from '../../run/webhooks/note-session-status.ts';
import { changeSessionBudget } from '../../run/waiting/change-session-budget.ts';
import type { AgentSnapshot } from '../agents/agents.ts';
import type { ManagedDeps } from '../deps.ts';
import { invalid, notFound } from '../error.ts';
import { toWireId } from '../ids.ts';
import { note } from '../log/notes.ts';
import { toWireBudget } from '../log/wire-budget.ts';
import { checkBudget } from './budget.ts';
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
  /** Limits the cost of its runs together; null: no limit. */
  readonly budgetMicros: Micros | null;
  /** The deployment that starts it; null: none. */
  readonly deploymentId: string | null;
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
      budget_micros: session.budgetMicros,
      initial_budget_micros: session.budgetMicros,
      archived_at: null,
      deployment_id: session.deploymentId,
    })
    .execute();
  await noteSessionWebhooks(trx, { sessionId: id, types: ['session.created'] });
  return id;
}

/** Locks a session, so that no turn of it begins or ends until the commit, and returns it as it is. */
export async function lockSession(trx: Transaction, id: string): Promise<ManagedSession> {
  // In the order in which the end of a run locks.
  await sql`
    select from longhaul.runs
     where session_id = ${id} and finished_at is null and (status = 'running' or waits_for_scope = 'session')
       for update`.execute(trx);
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
  readonly budgetMicros?: Micros | null;
  readonly agent?: { readonly snapshot: AgentSnapshot; readonly definition: AgentDefinition | null };
}

/** The parts with which runs are ended or continued. */
type Deps = Pick<ManagedDeps, 'queue' | 'config'>;

/**
 * Changes a locked session, and notes what has changed. A run that waits for the session's budget continues with the new
 * one. Must come last in `trx`.
 * @throws {ManagedError} for a budget that cannot be set.
 */
export async function updateSession(
  trx: Transaction,
  { deps, session, changes }: { deps: Deps; session: ManagedSession; changes: SessionChanges },
): Promise<void> {
  const { budgetMicros } = changes;
  if (budgetMicros !== undefined) await checkBudget(trx, session, budgetMicros);
  await changeFields(trx, session, changes);
  if (budgetMicros === undefined || session.budgetMicros === null) return;
  const { queue, config } = deps;
  await changeSessionBudget(trx, { deps: { queue, rules: config }, sessionId: session.id, budgetMicros });
}

async function changeFields(trx: Transaction, session: ManagedSession, changes: SessionChanges): Promise<void> {
  const { title, metadata, budgetMicros, agent } = changes;
  const data = {
    ...(title !== undefined && title !== session.title && { title }),
    ...(metadata !== undefined && JSON.stringify(metadata) !== JSON.stringify(session.metadata) && { metadata }),
    ...(budgetMicros !== undefined && budgetMicros !== session.budgetMicros && { budget: toWireBudget(budgetMicros) }),
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
  await noteSessionWebhooks(trx, { sessionId: session.id, types: ['session.updated'] });
}

interface Ending {
  readonly deps: Deps;
  readonly session: ManagedSession;
  /** For the audit record of runs that are cancelled. */
  readonly actor: string;
}

/**
 * Ends a locked session for good: nothing more can be sent to it. Its log stays. Returns the runs that it has cancelled,
 * which waited for the session's budget. Call `wakeAfterEnd` for each after the commit.
 */
export async function archiveSession(trx: Transaction, ending: Ending): Promise<Run[]> {
  const { session } = ending;
  if (session.archivedAt !== null) return [];
  refuseWhileWorking(session, 'archived');
  const cancelled = await cancelWaiting(trx, ending);
  await sql`update longhaul.managed_sessions set archived_at = now(), updated_at = now() where id = ${session.id}`.execute(
    trx,
  );
  const thread = { session_thread_id: toThreadId(session), agent_name: session.agent.name };
  await note(trx, { sessionId: session.id, type: 'session.thread_status_terminated', data: thread });
  await note(trx, { sessionId: session.id, type: 'session.status_terminated', data: {} });
  await noteSessionWebhooks(trx, { sessionId: session.id, types: ['session.archived', 'session.status_terminated'] });
  return cancelled;
}

/**
 * Deletes a locked session with its runs, their events and its conversation. The ledger and the audit record stay. Returns
 * the runs that it has cancelled, as `archiveSession` does.
 */
export async function deleteSession(trx: Transaction, ending: Ending): Promise<Run[]> {
  const { session } = ending;
  refuseWhileWorking(session, 'deleted');
  const cancelled = await cancelWaiting(trx, ending);
  await noteSessionWebhooks(trx, { sessionId: session.id, types: ['session.deleted'] });
  await sql`delete from longhaul.runs where session_id = ${session.id}`.execute(trx);
  await sql`delete from longhaul.sessions where id = ${session.id}`.execute(trx);
  await sql`select pg_notify(${CHANNELS.events}, ${session.id})`.execute(trx);
  return cancelled;
}

/** Cancels the runs of a session that stands at its budget: the run that waits for it, and the runs in line behind. */
async function cancelWaiting(trx: Transaction, { deps: { queue, config }, session, actor }: Ending): Promise<Run[]> {
  const cancelled: Run[] = [];
  for (;;) {
    // A message that a run has not read becomes a run when that one ends.
    const next = await trx
      .selectFrom('longhaul.runs')
      .select('id')
      .where('session_id', '=', session.id)
      .where('finished_at', 'is', null)
      .orderBy('session_turn')
      .limit(1)
      .executeTakeFirst();
    if (next === undefined) return cancelled;
    const run = await cancelWithin(trx, { queue, rules: config }, { runId: next.id, actor });
    if (run?.status !== 'cancelled') throw new Error(`Run ${next.id} cannot be cancelled at once.`);
    cancelled.push(run);
  }
}

/**
 * Refuses to end a session with an unfinished run, also while that waits for a person: it is interrupted first. A session
 * that stands at its budget cannot be interrupted, and may be ended.
 */
function refuseWhileWorking({ status, isWorking, isAtBudget }: ManagedSession, done: string): void {
  if (!isWorking || isAtBudget) return;
  const how = status === 'idle' ? 'It waits for a tool_confirmation or a custom_tool_result.' : `It is ${status}.`;
  throw invalid(`The session cannot be ${done} now. ${how} Send user.interrupt and wait for session.status_idle.`);
}
