import { sql, type RawBuilder } from 'kysely';
import type { Database } from '../../db/database.ts';
import { isSeenBy, type Viewer } from '../../run/viewer.ts';
import type { AgentSnapshot } from '../agents/agents.ts';
import { USAGE } from '../log/read-turns.ts';
import type { TimeRange } from '../read-request.ts';
import type { ManagedSession, SessionStatus } from './session.ts';

/** A session as the database returns it, with its JSON. */
type Row = Omit<ManagedSession, 'agent' | 'metadata'> & { readonly agent: unknown; readonly metadata: unknown };

/** SQL: true while a run of the session waits for a higher budget. */
const IS_AT_BUDGET = sql`
  exists (select from longhaul.runs as run
           where run.session_id = managed.id and run.finished_at is null and run.waits_for_scope = 'session')`;

/**
 * SQL: the status of a session, from its runs and their approvals as they are now, so that it never lags behind them.
 * A run that waits for a person, or for a higher budget of the session, leaves the session idle.
 */
const STATUS = sql`
  case when managed.archived_at is not null then 'terminated'
       when not exists (select from longhaul.runs as run where run.session_id = managed.id and run.finished_at is null)
         then 'idle'
       when exists (select from longhaul.runs as run
                      join longhaul.approvals as approval on approval.run_id = run.id and approval.status = 'pending'
                     where run.session_id = managed.id and run.finished_at is null) then 'idle'
       when ${IS_AT_BUDGET} then 'idle'
       when exists (select from longhaul.runs as run
                     where run.session_id = managed.id and run.finished_at is null and run.held_for is distinct from 'session'
                       and (run.waiting_for in ('budget', 'provider_limit')
                            or (run.status = 'queued' and run.attempt > 0 and 'run.retrying' = (
                              select type from longhaul.run_events where run_id = run.id and seq = run.event_seq))))
         then 'rescheduling'
       else 'running' end`;

const COLUMNS = sql`
  managed.id, session.agent as "runsAs", session.user_id as "user", session.team, session.tenant, ${STATUS} as status,
  exists (select from longhaul.runs where session_id = managed.id and finished_at is null) as "isWorking",
  managed.agent_id as "agentId", managed.agent_version as "agentVersion", managed.agent,
  managed.environment_id as "environmentId", managed.title, managed.metadata,
  managed.budget_micros as "budgetMicros", managed.initial_budget_micros is not null as "hadBudget",
  ${IS_AT_BUDGET} as "isAtBudget",
  (select ${USAGE} from longhaul.runs where session_id = managed.id) as usage,
  managed.created_at as "createdAt", managed.updated_at as "updatedAt", managed.archived_at as "archivedAt",
  managed.deployment_id as "deploymentId"`;

/** Reads the session with this id; null when the viewer may see none. */
export async function findManagedSession(
  database: Pick<Database, 'sql'>,
  { id, viewer }: { id: string; viewer: Viewer },
): Promise<ManagedSession | null> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from longhaul.managed_sessions as managed join longhaul.sessions as session on session.id = managed.id
     where managed.id = ${id} and ${isSeenBy(viewer, 'session')}`.execute(database.sql);
  return rows[0] === undefined ? null : toSession(rows[0]);
}

export interface SessionFilter {
  readonly agentId: string | null;
  readonly agentVersion: number | null;
  readonly statuses: readonly SessionStatus[] | null;
  readonly hasArchived: boolean;
  readonly createdAt: TimeRange;
  readonly deploymentId: string | null;
}

interface ListOptions {
  readonly viewer: Viewer;
  readonly filter: SessionFilter;
  readonly order: 'asc' | 'desc';
  /** The session to go on behind, in this order; null: from the first. */
  readonly after: string | null;
  readonly limit: number;
}

/** Reads a page of the sessions that the viewer may see, by creation, and whether there are more. */
export async function listManagedSessions(
  database: Database,
  { viewer, filter, order, after, limit }: ListOptions,
): Promise<{ sessions: ManagedSession[]; hasMore: boolean }> {
  const direction = sql.raw(order);
  const behind = after === null ? [] : [order === 'asc' ? sql`managed.id > ${after}` : sql`managed.id < ${after}`];
  const conditions = [isSeenBy(viewer, 'session'), ...behind, ...toConditions(filter)];
  const { rows } = await sql<Row>`
    select ${COLUMNS} from longhaul.managed_sessions as managed join longhaul.sessions as session on session.id = managed.id
     where ${sql.join(conditions, sql` and `)}
     order by managed.id ${direction} limit ${limit + 1}`.execute(database.sql);
  return { sessions: rows.slice(0, limit).map(toSession), hasMore: rows.length > limit };
}

function toConditions({
  agentId,
  agentVersion,
  statuses,
  hasArchived,
  createdAt,
  deploymentId,
}: SessionFilter): RawBuilder<unknown>[] {
  const { gt, gte, lt, lte } = createdAt;
  return [
    ...(agentId === null ? [] : [sql`managed.agent_id = ${agentId}`]),
    ...(agentVersion === null ? [] : [sql`managed.agent_version = ${agentVersion}`]),
    ...(statuses === null ? [] : [sql`${STATUS} = any(${sql.val([...statuses])}::text[])`]),
    ...(deploymentId === null ? [] : [sql`managed.deployment_id = ${deploymentId}`]),
    ...(hasArchived ? [] : [sql`managed.archived_at is null`]),
    ...(gt === undefined ? [] : [sql`managed.created_at > ${gt}`]),
    ...(gte === undefined ? [] : [sql`managed.created_at >= ${gte}`]),
    ...(lt === undefined ? [] : [sql`managed.created_at < ${lt}`]),
    ...(lte === undefined ? [] : [sql`managed.created_at <= ${lte}`]),
  ];
}

function toSession(row: Row): ManagedSession {
  return { ...row, agent: row.agent as AgentSnapshot, metadata: row.metadata as ManagedSession['metadata'] };
}
