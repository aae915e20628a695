import type { Config } from '../../config/config.ts';
import type { Database } from '../../db/database.ts';
import { notSupported } from '../error.ts';
import { fromWireId } from '../ids.ts';
import type { AgentOverrides } from './agent-schema.ts';
import type { AgentSnapshot } from './agent-snapshot.ts';
import { checkBounds, toBounds } from './bounds.ts';
import { findConfigAgent, isConfigAgentId } from './config-agents.ts';
import { overrideAgent } from './define-agent.ts';
import { readAgent } from './read-agents.ts';
import type { StoredAgent } from './stored-agent.ts';

export { agentOverridesSchema, agentParamsSchema, agentReferenceSchema, type AgentOverrides } from './agent-schema.ts';
export type { AgentSnapshot } from './agent-snapshot.ts';

/** An agent that a session can be made of. */
export interface FoundAgent {
  /** The id that clients see. */
  readonly id: string;
  readonly version: number;
  readonly agent: AgentSnapshot;
  readonly isArchived: boolean;
  /** Name of the agent of the configuration; null for an agent that a client has defined. */
  readonly configName: string | null;
}

interface Reference {
  readonly id: string;
  /** Defaults to the newest. */
  readonly version?: number | undefined;
}

/** Finds a version of an agent, also of one of the configuration; null when there is none. */
export async function findAgent(
  database: Pick<Database, 'sql'>,
  config: Config,
  reference: Reference,
): Promise<FoundAgent | null> {
  const found = await findStoredAgent(database, config, reference);
  if (found === null) return null;
  const { id, version, agent, archivedAt, configName } = found;
  return { id, version, agent, isArchived: archivedAt !== null, configName };
}

/** Finds a version of an agent with its times; null when there is none. */
export async function findStoredAgent(
  database: Pick<Database, 'sql'>,
  config: Config,
  { id, version }: Reference,
): Promise<StoredAgent | null> {
  if (isConfigAgentId(id)) return version === undefined || version === 1 ? findConfigAgent(config, id) : null;
  const uuid = fromWireId('agent', id);
  return uuid === null ? null : readAgent(database.sql, { uuid, version });
}

/**
 * Returns the agent of a session: with the overrides, and within the bounds of the configuration, which may be narrower
 * than when the agent was stored.
 * @throws {ManagedError} for a part that is out of bounds or not supported; for overrides of an agent of the
 * configuration, which is used as it is.
 */
export function resolveAgentParams(
  config: Config,
  { found, overrides }: { found: Pick<FoundAgent, 'agent' | 'configName'>; overrides: AgentOverrides },
): AgentSnapshot {
  const names = Object.entries(overrides).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (found.configName !== null) {
    const [first] = names;
    if (first !== undefined) throw notSupported(`agent.${first}`, 'An override of an agent of the configuration');
    return found.agent;
  }
  const bounds = toBounds(config);
  const agent = overrideAgent(found.agent, overrides, bounds);
  checkBounds(agent, bounds);
  return agent;
}
