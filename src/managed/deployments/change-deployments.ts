import { isDeepStrictEqual } from 'node:util';
import { sql, type SqlBool } from 'kysely';
import { toViewer, type Caller } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { createId } from '../../core/ids.ts';
import type { Transaction } from '../../db/database.ts';
import { readNow } from '../../db/read-now.ts';
import { refuseTooMany } from '../../schedule/limit-owners.ts';
import { findNextTick } from '../../schedule/next-tick.ts';
import { mergeMetadata } from '../agents/metadata.ts';
import { invalid, notSupported } from '../error.ts';
import { checkEvents, type SentEvent } from '../events/event-schema.ts';
import { fromWireBudget } from '../log/wire-budget.ts';
import { prepareSession, writeSession, type CreateDeps } from '../routes/create-session.ts';
import { mergeOwnedMetadata, toSessionOwners } from '../sessions/session-owners.ts';
import { auditDeployment } from './audit-deployment.ts';
import type { DeploymentChange, NewDeployment } from './deployment-schema.ts';
import { toDeployment, toDeploymentCaller, type Deployment, type DeploymentRow } from './deployment.ts';
import { changeLocked, type Meant } from './lock-deployment.ts';
import { isPassing } from './run-error.ts';
import { toSessionBody } from './start-session.ts';

/** Most characters of the JSON of events: each list of deployments has them. */
const MOST_OF_EVENTS = 500_000;

const WORDS = { rows: 'deployments', remedy: 'Archive one first.' } as const;

/**
 * Creates a deployment, a session of which could be created now.
 * @throws {ManagedError} for a part that is wrong or not supported.
 * @throws {LonghaulError} `conflict` when its user or team has reached the limit; `forbidden` for owners of others.
 */
export async function createDeployment(
  deps: CreateDeps,
  { given, caller }: { given: NewDeployment; caller: Caller },
): Promise<Deployment> {
  refuseUnsupported(given);
  const now = await readNow(deps.database);
  const metadata = mergeMetadata({}, given.metadata);
  const schedule = given.schedule ?? null;
  const wanted: Deployment = {
    ...toSessionOwners(caller, metadata),
    id: createId(),
    name: given.name,
    description: given.description || null,
    agentId: given.agent.id,
    // The newest, until the check finds it.
    agentVersion: given.agent.version ?? 0,
    environmentId: given.environment_id,
    initialEvents: toEvents(given.initial_events),
    viewer: toViewer(caller),
    metadata,
    budgetMicros: fromWireBudget(given.budget ?? null),
    schedule: schedule === null ? null : { cron: schedule.expression, timeZone: schedule.timezone },
    createdBy: caller.keyId,
    createdAt: now,
    updatedAt: now,
    archivedAt: null,
    pausedReason: null,
    lastAt: null,
    lastRunAt: null,
  };
  return deps.database.sql.transaction().execute(async (trx) => {
    const isCounted = sql<SqlBool>`archived_at is null`;
    await refuseTooMany(trx, { table: 'longhaul.managed_deployments', words: WORDS, isCounted, owner: wanted });
    const checked = await check(trx, { deps, wanted });
    const { id, user: user_id, team, tenant, createdBy: created_by } = checked;
    const row = await trx
      .insertInto('longhaul.managed_deployments')
      .values({ ...toColumns(checked), id, user_id, team, tenant, created_by, next_at: toNextAt(checked, now) })
      .returningAll()
      .executeTakeFirstOrThrow();
    const deployment = toDeployment(row);
    await auditDeployment(trx, { action: 'deployment.created', deployment, actor: keyActor(caller) });
    return deployment;
  });
}

/**
 * Changes a deployment. With another schedule its ticks are computed again from now on.
 * @throws {ManagedError} for an archived deployment, and for a part that is wrong or not supported.
 */
export function updateDeployment(
  deps: CreateDeps,
  { change, ...meant }: Meant & { readonly change: DeploymentChange },
): Promise<Deployment> {
  refuseUnsupported(change);
  return changeLocked(deps.database, meant, async (trx, { deployment, now }) => {
    let wanted = toChanged(deployment, change, meant.caller);
    if (!hasSameSessions(wanted, deployment)) wanted = await check(trx, { deps, wanted });
    if (isDeepStrictEqual(wanted, deployment)) return deployment;
    const isMoved = !isDeepStrictEqual(wanted.schedule, deployment.schedule);
    const next = isMoved ? { next_at: toNextAt(wanted, now) } : {};
    const changed = await write(trx, deployment.id, { ...toColumns(wanted), ...next });
    await auditDeployment(trx, { action: 'deployment.updated', deployment: changed, actor: keyActor(meant.caller) });
    return changed;
  });
}

/** Pauses a deployment: the clock starts no sessions, and requests still do. A paused one stays as it is. */
export function pauseDeployment({ database }: Pick<CreateDeps, 'database'>, meant: Meant): Promise<Deployment> {
  return changeLocked(database, meant, async (trx, { deployment, now }) => {
    if (deployment.pausedReason !== null) return deployment;
    const values = { paused_at: now, paused_reason: 'by_hand', next_at: null } as const;
    const paused = await write(trx, deployment.id, values);
    await auditDeployment(trx, { action: 'deployment.paused', deployment: paused, actor: keyActor(meant.caller) });
    return paused;
  });
}

/**
 * Unpauses a deployment from now on: ticks during the pause are not made later. A deployment that was paused because its
 * key was revoked then belongs to the key that unpauses it.
 */
export function unpauseDeployment({ database }: Pick<CreateDeps, 'database'>, meant: Meant): Promise<Deployment> {
  return changeLocked(database, meant, async (trx, { deployment, now }) => {
    const { pausedReason } = deployment;
    if (pausedReason === null) return deployment;
    const next_at = toNextAt({ ...deployment, pausedReason: null }, now);
    const takeover = pausedReason === 'key_revoked' ? { created_by: meant.caller.keyId } : {};
    const values = { paused_at: null, paused_reason: null, next_at, ...takeover };
    const unpaused = await write(trx, deployment.id, values);
    await auditDeployment(trx, { action: 'deployment.unpaused', deployment: unpaused, actor: keyActor(meant.caller) });
    return unpaused;
  });
}

/** Archives a deployment for ever: it starts no more sessions, and those it has started go on. */
export function archiveDeployment({ database }: Pick<CreateDeps, 'database'>, meant: Meant): Promise<Deployment> {
  return changeLocked(
    database,
    meant,
    async (trx, { deployment, now }) => {
      if (deployment.archivedAt !== null) return deployment;
      const archived = await write(trx, deployment.id, { archived_at: now, next_at: null });
      const actor = keyActor(meant.caller);
      await auditDeployment(trx, { action: 'deployment.archived', deployment: archived, actor });
      return archived;
    },
    { isArchivedToo: true },
  );
}

/**
 * Returns a deployment with the version of its agent, after a session of it was created, as every tick will do, and rolled
 * back.
 */
async function check(
  trx: Transaction,
  { deps, wanted }: { deps: CreateDeps; wanted: Deployment },
): Promise<Deployment> {
  const { agent, ...body } = toSessionBody(wanted);
  const newest = { type: 'agent', id: wanted.agentId } as const;
  const prepared = await prepareSession(deps, {
    db: { sql: trx },
    body: { ...body, agent: wanted.agentVersion === 0 ? newest : agent },
    owners: wanted,
    caller: toDeploymentCaller(wanted),
  });
  await sql`savepoint rehearsal`.execute(trx);
  try {
    await writeSession(trx, prepared);
  } catch (error) {
    if (!isPassing(error)) throw error;
  }
  await sql`rollback to savepoint rehearsal`.execute(trx);
  return { ...wanted, agentVersion: prepared.session.agentVersion };
}

function toEvents(given: NewDeployment['initial_events']): SentEvent[] {
  const events = checkEvents(given, 'initial_events');
  if (JSON.stringify(events).length <= MOST_OF_EVENTS) return events;
  throw invalid(
    `initial_events: must have at most ${MOST_OF_EVENTS} characters of JSON; upload files, and name them by their ids`,
  );
}

function toChanged(current: Deployment, change: DeploymentChange, caller: Caller): Deployment {
  const { agent, schedule, description, budget, metadata } = change;
  const events = change.initial_events && toEvents(change.initial_events);
  const hasOtherEvents = events !== undefined && !isDeepStrictEqual(events, current.initialEvents);
  return {
    ...current,
    name: change.name ?? current.name,
    description: description === undefined ? current.description : description || null,
    ...(agent !== undefined && { agentId: agent.id, agentVersion: agent.version ?? 0 }),
    environmentId: change.environment_id ?? current.environmentId,
    ...(hasOtherEvents && { initialEvents: events, viewer: toViewer(caller) }),
    metadata: metadata == null ? current.metadata : mergeOwnedMetadata(current.metadata, metadata),
    budgetMicros: budget === undefined ? current.budgetMicros : fromWireBudget(budget),
    ...(schedule !== undefined && {
      schedule: schedule === null ? null : { cron: schedule.expression, timeZone: schedule.timezone },
    }),
  };
}

/** Returns whether the sessions of both are made of the same parts, which need no other check. */
function hasSameSessions(one: Deployment, other: Deployment): boolean {
  const toParts = ({ agentId, agentVersion, environmentId, initialEvents, budgetMicros }: Deployment) => ({
    agentId,
    agentVersion,
    environmentId,
    initialEvents,
    budgetMicros,
  });
  return isDeepStrictEqual(toParts(one), toParts(other));
}

/** Returns the next tick; null for a deployment that has none, or is paused. */
function toNextAt({ schedule, pausedReason, lastAt }: Deployment, now: Date): Date | null {
  return schedule === null || pausedReason !== null ? null : findNextTick({ ...schedule, lastAt, now });
}

function toColumns(deployment: Deployment) {
  return {
    name: deployment.name,
    description: deployment.description,
    agent_id: deployment.agentId,
    agent_version: deployment.agentVersion,
    environment_id: deployment.environmentId,
    initial_events: JSON.stringify(deployment.initialEvents),
    viewer_user: deployment.viewer.user,
    viewer_team: deployment.viewer.team,
    metadata: JSON.stringify(deployment.metadata),
    budget_micros: deployment.budgetMicros,
    cron: deployment.schedule?.cron ?? null,
    time_zone: deployment.schedule?.timeZone ?? null,
  };
}

async function write(
  trx: Transaction,
  id: string,
  values: Partial<ReturnType<typeof toColumns>> & Partial<Omit<DeploymentRow, 'initial_events' | 'metadata'>>,
): Promise<Deployment> {
  const row = await trx
    .updateTable('longhaul.managed_deployments')
    .set({ ...values, updated_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toDeployment(row);
}

function refuseUnsupported({ resources, vault_ids: vaultIds }: Pick<NewDeployment, 'resources' | 'vault_ids'>): void {
  if ((resources ?? []).length > 0) throw notSupported('resources');
  if ((vaultIds ?? []).length > 0) throw notSupported('vault_ids');
}
