import { toWireId } from '../ids.ts';
import type { Micros } from '../../core/money.ts';
import { toWireUsage, type Usage } from '../log/managed-event.ts';
import { toWireBudget } from '../log/wire-budget.ts';
import type { AgentSnapshot } from '../agents/agents.ts';

export type SessionStatus = 'idle' | 'running' | 'rescheduling' | 'terminated';

/** A session that a client of Claude Managed Agents has made. */
export interface ManagedSession {
  readonly id: string;
  /** The agent of the configuration that its runs are of: the template, or the agent itself. */
  readonly runsAs: string;
  readonly user: string | null;
  readonly team: string | null;
  readonly tenant: string | null;
  readonly status: SessionStatus;
  /** True when it has an unfinished run. */
  readonly isWorking: boolean;
  readonly agentId: string;
  readonly agentVersion: number;
  readonly agent: AgentSnapshot;
  readonly environmentId: string;
  readonly title: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Limits the cost of its runs together; null: no limit. */
  readonly budgetMicros: Micros | null;
  /** True when it was created with a budget. */
  readonly hadBudget: boolean;
  /** True while a run of it waits for a higher budget. */
  readonly isAtBudget: boolean;
  readonly usage: Usage;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly archivedAt: Date | null;
  /** The deployment that has started it; null: none. */
  readonly deploymentId: string | null;
}

/** Returns the id of the session's only thread. */
export function toThreadId({ id }: Pick<ManagedSession, 'id'>): string {
  return toWireId('sthr', id);
}

/** Returns the session as clients see it. Fields that Longhaul has no counterpart for are empty. */
export function toWireSession(session: ManagedSession): Record<string, unknown> {
  const { id, status, usage, createdAt, updatedAt, archivedAt } = session;
  return {
    id: toWireId('sesn', id),
    type: 'session',
    status,
    title: session.title,
    agent: toWireAgent(session),
    environment_id: session.environmentId,
    metadata: session.metadata,
    budget: toWireBudget(session.budgetMicros),
    usage: toWireUsage(usage),
    stats: toStats(session),
    resources: [],
    vault_ids: [],
    outcome_evaluations: [],
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
    archived_at: archivedAt?.toISOString() ?? null,
    deployment_id: session.deploymentId === null ? null : toWireId('depl', session.deploymentId),
  };
}

/** Returns the only thread of a session as clients see it. */
export function toWireThread(session: ManagedSession): Record<string, unknown> {
  const { multiagent: _, ...agent } = toWireAgent(session);
  return {
    id: toThreadId(session),
    type: 'session_thread',
    session_id: toWireId('sesn', session.id),
    parent_thread_id: null,
    workflow_run_id: null,
    agent,
    status: session.status,
    stats: toStats(session),
    usage: toWireUsage(session.usage),
    created_at: session.createdAt.toISOString(),
    updated_at: session.updatedAt.toISOString(),
    archived_at: session.archivedAt?.toISOString() ?? null,
  };
}

/** Returns the snapshot of the session's agent as clients see it. */
export function toWireAgent({ agentId, agentVersion, agent }: ManagedSession): Record<string, unknown> {
  const { metadata: _, ...snapshot } = agent;
  return { id: agentId, version: agentVersion, ...snapshot };
}

function toStats({ usage, createdAt, archivedAt }: ManagedSession): Record<string, number> {
  const seconds = ((archivedAt ?? new Date()).getTime() - createdAt.getTime()) / 1_000;
  return { active_seconds: Math.round(usage.activeMs / 1_000), duration_seconds: Math.max(0, Math.round(seconds)) };
}
