import { toOwners, toTenant, type Caller } from '../../access/caller.ts';
import { findAgent, resolveAgentParams, type FoundAgent } from '../agents/agents.ts';
import { mergeMetadata } from '../agents/metadata.ts';
import { toDefinition } from '../agents/to-definition.ts';
import type { ManagedDeps } from '../deps.ts';
import { holdEnvironment } from '../environments/environments.ts';
import { invalid, notFound, notSupported } from '../error.ts';
import type { Transaction } from '../../db/database.ts';
import { retryDeadlock } from '../../db/retry-deadlock.ts';
import { createSender } from '../events/send.ts';
import { fromWireBudget } from '../log/wire-budget.ts';
import { requirePrice } from '../sessions/budget.ts';
import { lockSession, insertSession, type NewSession } from '../sessions/change-sessions.ts';
import type { NewSessionBody } from '../sessions/session-schema.ts';

/** Keys of the metadata that name the owners of a session. They stay as they are. */
export const OWNER_KEYS = { user: 'longhaul_user', team: 'longhaul_team' } as const;

/** Creates a session, with the run of its first events if there are any: both or neither. Returns its id. */
export async function createSession(
  deps: ManagedDeps,
  { body, caller }: { body: NewSessionBody; caller: Caller },
): Promise<string> {
  refuseUnsupported(body);
  const session = await toNewSession(deps, { body, caller });
  const { runsAs, agent, budgetMicros } = session;
  if (budgetMicros !== null) requirePrice(deps.config, { runsAs, model: agent.model.id });
  const sender = createSender(deps, caller);
  const first = sender.check(body.initial_events ?? [], 'initial_events');
  if (first.some(({ type }) => type !== 'user.message')) throw invalid('initial_events: must be messages of the user');
  await sender.count(first, session);
  return retryDeadlock(() =>
    deps.database.sql.transaction().execute(async (trx) => {
      await requireEnvironment(trx, session.environmentId);
      const id = await insertSession(trx, session);
      if (first.length > 0) await sender.send(trx, { session: await lockSession(trx, id), events: first });
      return id;
    }),
  );
}

async function toNewSession(
  { config, database }: ManagedDeps,
  { body, caller }: { body: NewSessionBody; caller: Caller },
): Promise<NewSession> {
  const { type: _, id, version, ...overrides } = { ...body.agent };
  const found = await findAgent(database, config, { id, version });
  if (found === null) throw notFound('agent', id);
  if (found.isArchived) throw invalid(`Agent ${id} is archived.`);
  const agent = resolveAgentParams(config, { found, overrides });
  const metadata = mergeMetadata({}, body.metadata);
  const owners = toOwners(caller, { user: metadata[OWNER_KEYS.user], team: metadata[OWNER_KEYS.team] });
  return {
    runsAs: toRunsAs(found, config.managedAgents?.template),
    user: owners.user ?? null,
    team: owners.team ?? null,
    tenant: owners.user === undefined ? null : toTenant(caller),
    agentId: found.id,
    agentVersion: found.version,
    agent,
    definition: found.configName === null ? toDefinition(agent) : null,
    environmentId: body.environment_id,
    title: body.title ?? null,
    metadata,
    budgetMicros: fromWireBudget(body.budget ?? null),
  };
}

/** Keeps the environment until the session refers to it. */
async function requireEnvironment(trx: Transaction, id: string): Promise<void> {
  const environment = await holdEnvironment(trx, id);
  if (environment === null) throw notFound('environment', id);
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
