import type { Caller } from '../../access/caller.ts';
import type { Database, Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import { findAgent, resolveAgentParams, type FoundAgent } from '../agents/agents.ts';
import { mergeMetadata } from '../agents/metadata.ts';
import { toDefinition } from '../agents/to-definition.ts';
import type { ManagedDeps } from '../deps.ts';
import { holdEnvironment } from '../environments/environments.ts';
import { invalid, ManagedError, notFound, notSupported } from '../error.ts';
import type { SentEvent } from '../events/event-schema.ts';
import { createSender, type Sender } from '../events/send.ts';
import { fromWireBudget } from '../log/wire-budget.ts';
import { requirePrice } from '../sessions/budget.ts';
import { lockSession, insertSession, type NewSession } from '../sessions/change-sessions.ts';
import { toSessionOwners, type SessionOwners } from '../sessions/session-owners.ts';
import type { NewSessionBody } from '../sessions/session-schema.ts';

/** The parts with which sessions are created. */
export type CreateDeps = Pick<ManagedDeps, 'config' | 'database' | 'queue'>;

/** Creates a session, with the run of its first events if there are any: both or neither. Returns its id. */
export async function createSession(
  deps: CreateDeps,
  { body, caller }: { body: NewSessionBody; caller: Caller },
): Promise<string> {
  const owners = toSessionOwners(caller, body.metadata ?? {});
  const prepared = await prepareSession(deps, { db: deps.database, body, owners, caller });
  const { session, sender, first } = prepared;
  await sender.count(first, session);
  return retryDeadlock(() => deps.database.sql.transaction().execute((trx) => writeSession(trx, prepared)));
}

/** A new session that was checked, and is not written yet. */
interface PreparedSession {
  readonly session: NewSession;
  readonly sender: Sender;
  /** Its first events. */
  readonly first: readonly SentEvent[];
}

interface PrepareOptions {
  /** The connection, or the transaction, that reads its agent. */
  readonly db: Pick<Database, 'sql'>;
  readonly body: NewSessionBody;
  readonly owners: SessionOwners;
  /** The caller that its runs belong to. */
  readonly caller: Caller;
  /** The actor for the audit record. Defaults to the caller. */
  readonly actor?: string;
  /** The deployment that starts it. Defaults to none. */
  readonly deploymentId?: string;
}

/**
 * Checks a new session, except for its environment.
 * @throws {ManagedError} for a part that is wrong or not supported; `agent_archived`.
 */
export async function prepareSession(deps: CreateDeps, options: PrepareOptions): Promise<PreparedSession> {
  const { body, caller, actor } = options;
  refuseUnsupported(body);
  const session = await toNewSession(deps, options);
  const { runsAs, agent, budgetMicros } = session;
  if (budgetMicros !== null) requirePrice(deps.config, { runsAs, model: agent.model.id });
  const sender = createSender(deps, caller, actor);
  const first = sender.check(body.initial_events ?? [], 'initial_events');
  if (first.some(({ type }) => type !== 'user.message')) throw invalid('initial_events: must be messages of the user');
  return { session, sender, first };
}

/**
 * Writes a session with the run of its first events. Returns its id.
 * @throws {ManagedError} `environment_archived`, or `environment_not_found`; the errors of `insertRuns`.
 */
export async function writeSession(trx: Transaction, { session, sender, first }: PreparedSession): Promise<string> {
  await requireEnvironment(trx, session.environmentId);
  const id = await insertSession(trx, session);
  if (first.length === 0) return id;
  const events = await sender.store({ sql: trx }, { events: first, session, name: 'initial_events' });
  await sender.send(trx, { session: await lockSession(trx, id), events });
  return id;
}

async function toNewSession({ config }: CreateDeps, options: PrepareOptions): Promise<NewSession> {
  const { db, body, owners, deploymentId = null } = options;
  const { type: _, id, version, ...overrides } = { ...body.agent };
  const found = await findAgent(db, config, { id, version });
  if (found === null) throw notFound('agent', id);
  if (found.isArchived) throw invalid(`Agent ${id} is archived.`, 'agent_archived');
  const agent = resolveAgentParams(config, { found, overrides });
  return {
    ...owners,
    runsAs: toRunsAs(found, config.managedAgents?.template),
    agentId: found.id,
    agentVersion: found.version,
    agent,
    definition: found.configName === null ? toDefinition(agent) : null,
    environmentId: body.environment_id,
    title: body.title ?? null,
    metadata: mergeMetadata({}, body.metadata),
    budgetMicros: fromWireBudget(body.budget ?? null),
    deploymentId,
  };
}

/** Keeps the environment until the session refers to it. */
async function requireEnvironment(trx: Transaction, id: string): Promise<void> {
  const environment = await holdEnvironment(trx, id);
  if (environment === null) {
    const details = { error_code: 'environment_not_found' };
    throw new ManagedError('not_found_error', notFound('environment', id).message, { details });
  }
  if (environment.isArchived) throw invalid(`Environment ${id} is archived.`, 'environment_archived');
}

function toRunsAs({ configName }: FoundAgent, template: string | undefined): string {
  const name = configName ?? template;
  if (name === undefined) throw invalid('Agents that are defined by clients are turned off: see managedAgents.');
  return name;
}

function refuseUnsupported({ resources, vault_ids: vaultIds }: NewSessionBody): void {
  if ((resources ?? []).length > 0) throw notSupported('resources');
  if ((vaultIds ?? []).length > 0) throw notSupported('vault_ids');
}
