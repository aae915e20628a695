import type { Selectable } from 'kysely';
import type { Caller } from '../../access/caller.ts';
import type { Micros } from '../../core/money.ts';
import type { ManagedDeploymentsTable } from '../../db/tables/managed.ts';
import type { Viewer } from '../../run/viewer.ts';
import { toTicks } from '../../schedule/cron.ts';
import type { Metadata } from '../agents/metadata.ts';
import type { SentEvent } from '../events/event-schema.ts';
import { toWireId } from '../ids.ts';
import { toWireBudget } from '../log/wire-budget.ts';
import type { SessionOwners } from '../sessions/session-owners.ts';

export type DeploymentRow = Selectable<ManagedDeploymentsTable>;

/** The times at which a deployment starts sessions. */
export interface DeploymentSchedule {
  readonly cron: string;
  readonly timeZone: string;
}

/** A session that the clock starts, or a request, as often as either says. */
export interface Deployment extends SessionOwners {
  /** UUID. */
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  /** The id that clients see. */
  readonly agentId: string;
  readonly agentVersion: number;
  /** The id that clients see. */
  readonly environmentId: string;
  readonly initialEvents: readonly SentEvent[];
  /** The runs and files that the caller saw who has set the events: files in events are read as this viewer. */
  readonly viewer: Viewer;
  readonly metadata: Metadata;
  /** The budget of each session; null: none. */
  readonly budgetMicros: Micros | null;
  /** Null: it starts sessions on request only. */
  readonly schedule: DeploymentSchedule | null;
  /** The API key that its runs belong to. */
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly archivedAt: Date | null;
  /** Null: it is not paused. */
  readonly pausedReason: DeploymentRow['paused_reason'];
  /** The last tick, made or rejected. */
  readonly lastAt: Date | null;
  /** The time at which the last tick started its session. */
  readonly lastRunAt: Date | null;
}

/** Most ticks that a deployment shows. */
const SHOWN_TICKS = 5;

/** Converts a row of `longhaul.managed_deployments` to a deployment. No other function does. */
export function toDeployment(row: DeploymentRow): Deployment {
  const { cron, time_zone: timeZone } = row;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    agentId: row.agent_id,
    agentVersion: row.agent_version,
    environmentId: row.environment_id,
    initialEvents: row.initial_events as readonly SentEvent[],
    viewer: { user: row.viewer_user, team: row.viewer_team },
    metadata: row.metadata as Metadata,
    budgetMicros: row.budget_micros,
    schedule: cron === null || timeZone === null ? null : { cron, timeZone },
    user: row.user_id,
    team: row.team,
    tenant: row.tenant,
    createdBy: row.created_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    archivedAt: row.archived_at,
    pausedReason: row.paused_reason,
    lastAt: row.last_at,
    lastRunAt: row.last_run_at,
  };
}

/** Returns the caller as whom a deployment creates its sessions. */
export function toDeploymentCaller({ createdBy, viewer }: Deployment): Caller {
  return { kind: 'key', keyId: createdBy, scopes: ['runs:write'], ...viewer };
}

/** Returns a deployment in the form of Anthropic's API. An archived one is never paused. */
export function toWireDeployment(deployment: Deployment): Record<string, unknown> {
  const { id, archivedAt, pausedReason } = deployment;
  const isPaused = archivedAt === null && pausedReason !== null;
  return {
    id: toWireId('depl', id),
    type: 'deployment',
    name: deployment.name,
    description: deployment.description,
    status: isPaused ? 'paused' : 'active',
    paused_reason: isPaused ? toWireReason(pausedReason) : null,
    agent: toWireReference(deployment),
    environment_id: deployment.environmentId,
    initial_events: deployment.initialEvents,
    schedule: toWireSchedule(deployment),
    budget: toWireBudget(deployment.budgetMicros),
    metadata: deployment.metadata,
    resources: [],
    vault_ids: [],
    created_at: deployment.createdAt.toISOString(),
    updated_at: deployment.updatedAt.toISOString(),
    archived_at: archivedAt?.toISOString() ?? null,
  };
}

/** Returns the version of an agent in the form of Anthropic's API. */
export function toWireReference({ agentId, agentVersion }: Pick<Deployment, 'agentId' | 'agentVersion'>) {
  return { type: 'agent', id: agentId, version: agentVersion };
}

/** The client knows no reason for a revoked key. */
function toWireReason(reason: NonNullable<Deployment['pausedReason']>): Record<string, unknown> {
  if (reason === 'by_hand') return { type: 'manual' };
  if (reason !== 'key_revoked') return { type: 'error', error: { type: `${reason}_error` } };
  const message = 'Its API key was revoked. Unpaused, it belongs to the key that does so.';
  return { type: 'error', error: { type: 'unknown_error', message } };
}

function toWireSchedule({ schedule, lastRunAt, archivedAt }: Deployment): Record<string, unknown> | null {
  if (schedule === null) return null;
  return {
    type: 'cron',
    expression: schedule.cron,
    timezone: schedule.timeZone,
    last_run_at: lastRunAt?.toISOString() ?? null,
    upcoming_runs_at: archivedAt === null ? toUpcoming(schedule) : [],
  };
}

/** Returns the next ticks, as they are or would be if the deployment were not paused. */
function toUpcoming({ cron, timeZone }: DeploymentSchedule): string[] {
  const ticks = toTicks(cron, timeZone);
  const upcoming: string[] = [];
  let next = ticks.next(new Date());
  while (next !== null && upcoming.length < SHOWN_TICKS) {
    upcoming.push(next.toISOString());
    next = ticks.next(next);
  }
  return upcoming;
}
