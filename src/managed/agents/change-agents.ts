import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import type { AuditAction } from '../../audit/actions.ts';
import { keyActor } from '../../audit/actors.ts';
import { recordAudit } from '../../audit/record.ts';
import type { Config } from '../../config/config.ts';
import { createId } from '../../core/ids.ts';
import type { Database, Transaction } from '../../db/database.ts';
import { noteManagedWebhooks } from '../../run/webhooks/note-managed-webhooks.ts';
import { invalid, ManagedError, notFound } from '../error.ts';
import { fromWireId, toWireId } from '../ids.ts';
import type { AgentChange, NewAgent } from './agent-schema.ts';
import type { AgentSnapshot } from './agent-snapshot.ts';
import { archiveDeployments } from './archive-deployments.ts';
import { checkBounds, toBounds } from './bounds.ts';
import { findConfigAgent, isConfigAgentId } from './config-agents.ts';
import { changeAgent, defineAgent } from './define-agent.ts';
import { readAgent } from './read-agents.ts';
import type { StoredAgent } from './stored-agent.ts';
import { toDefinition } from './to-definition.ts';

interface ChangeDeps {
  readonly database: Database;
  readonly config: Config;
}

/** The agent that a caller changes. */
interface Meant {
  /** The id that clients see. */
  readonly id: string;
  /** The API key of the caller. */
  readonly keyId: string;
}

/**
 * Creates an agent in its first version.
 * @throws {ManagedError} for a part that is out of bounds or not supported.
 */
export function createAgent(
  { database, config }: ChangeDeps,
  { given, keyId }: { given: NewAgent; keyId: string },
): Promise<StoredAgent> {
  const bounds = toBounds(config);
  const agent = defineAgent(given, bounds);
  checkBounds(agent, bounds);
  const uuid = createId();
  return database.sql.transaction().execute(async (trx) => {
    await trx.insertInto('longhaul.managed_agents').values({ id: uuid, version: 1 }).execute();
    await insertVersion(trx, { uuid, version: 1, agent });
    await audit(trx, { action: 'agent.created', uuid, version: 1, agent, keyId });
    return (await readAgent(trx, { uuid }))!;
  });
}

/**
 * Changes an agent: adds a version, unless nothing changes.
 * @throws {ManagedError} `conflict_error` when the change names another version than the newest, also if nothing would
 * change; for an archived agent, one of the configuration, and a part that is out of bounds or not supported.
 */
export function updateAgent(deps: ChangeDeps, meant: Meant & { readonly change: AgentChange }): Promise<StoredAgent> {
  const { change, keyId } = meant;
  return changeLocked(deps, meant, async (trx, { uuid, current }) => {
    if (current.archivedAt !== null) throw invalid(`The agent ${meant.id} is archived, so it cannot be updated.`);
    if (change.version !== undefined && change.version !== current.version) {
      throw new ManagedError(
        'conflict_error',
        `The agent ${meant.id} has the version ${current.version}, not ${change.version}. Retrieve it and try again.`,
      );
    }
    const bounds = toBounds(deps.config);
    const agent = changeAgent(current.agent, change, bounds);
    if (isDeepStrictEqual(agent, current.agent)) return;
    checkBounds(agent, bounds);
    const version = current.version + 1;
    await insertVersion(trx, { uuid, version, agent });
    const values = { version, updated_at: sql<Date>`now()` };
    await trx.updateTable('longhaul.managed_agents').set(values).where('id', '=', uuid).execute();
    await audit(trx, { action: 'agent.updated', uuid, version, agent, keyId });
  });
}

/**
 * Archives an agent for ever, with its deployments: its sessions go on, and it gets no new ones. An archived agent stays as
 * it is.
 * @throws {ManagedError} for an agent of the configuration.
 */
export function archiveAgent(deps: ChangeDeps, meant: Meant): Promise<StoredAgent> {
  return changeLocked(deps, meant, async (trx, { uuid, current: { archivedAt, version, agent } }) => {
    if (archivedAt !== null) return;
    const values = { archived_at: sql<Date>`now()`, updated_at: sql<Date>`now()` };
    await trx.updateTable('longhaul.managed_agents').set(values).where('id', '=', uuid).execute();
    await audit(trx, { action: 'agent.archived', uuid, version, agent, keyId: meant.keyId });
    await archiveDeployments(trx, { agentId: toWireId('agent', uuid), actor: keyActor(meant) });
  });
}

interface Locked {
  readonly uuid: string;
  readonly current: StoredAgent;
}

/** Locks the agent's row: of two changes at once, the second finds the version of the first. Returns the agent after it. */
function changeLocked(
  { database, config }: ChangeDeps,
  { id }: Meant,
  work: (trx: Transaction, locked: Locked) => Promise<void>,
): Promise<StoredAgent> {
  refuseConfigAgent(config, id);
  const uuid = fromWireId('agent', id);
  if (uuid === null) throw notFound('agent', id);
  return database.sql.transaction().execute(async (trx) => {
    const lock = trx.selectFrom('longhaul.managed_agents').select('id').where('id', '=', uuid).forUpdate();
    const current = (await lock.executeTakeFirst()) === undefined ? null : await readAgent(trx, { uuid });
    if (current === null) throw notFound('agent', id);
    await work(trx, { uuid, current });
    return (await readAgent(trx, { uuid }))!;
  });
}

function refuseConfigAgent(config: Config, id: string): void {
  if (!isConfigAgentId(id)) return;
  const agent = findConfigAgent(config, id);
  if (agent === null) throw notFound('agent', id);
  throw invalid(`The agent ${id} is defined in the configuration of this Longhaul, where alone it can be changed.`);
}

async function insertVersion(
  trx: Transaction,
  { uuid, version, agent }: { uuid: string; version: number; agent: AgentSnapshot },
): Promise<void> {
  const values = { agent_id: uuid, version, agent: JSON.stringify(agent) };
  await trx.insertInto('longhaul.managed_agent_versions').values(values).execute();
}

interface Audited {
  readonly action: Extract<AuditAction, `agent.${string}`>;
  readonly uuid: string;
  readonly version: number;
  readonly agent: AgentSnapshot;
  readonly keyId: string;
}

/** Records and reports a change, with everything that the agent may do; its instructions stand in its versions, which are never deleted. */
async function audit(trx: Transaction, { action, uuid, version, agent, keyId }: Audited): Promise<void> {
  const { model, tools, ask, mcpServers } = toDefinition(agent);
  const data = { name: agent.name, version, model, tools, ask, mcpServers };
  const subject = toWireId('agent', uuid);
  await recordAudit(trx, { actor: keyActor({ keyId }), action, subject, data });
  await noteManagedWebhooks(trx, { types: [action], subject });
}
