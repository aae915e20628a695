import { toWireId } from '../ids.ts';
import type { AgentSnapshot } from './agent-snapshot.ts';

/** A version of an agent: a client's, or an agent of the configuration. */
export interface StoredAgent {
  /** The id that clients see. */
  readonly id: string;
  readonly version: number;
  readonly agent: AgentSnapshot;
  /** Name of the agent of the configuration; null for an agent that a client has defined. */
  readonly configName: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly archivedAt: Date | null;
}

/** A row of `longhaul.managed_agents` joined with one of its versions. */
export interface AgentRow {
  readonly id: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly archived_at: Date | null;
  /** The newest. */
  readonly newest: number;
  readonly version: number;
  readonly agent: unknown;
  readonly versioned_at: Date;
}

/** Converts a row to an agent. No other function does. */
export function toStoredAgent(row: AgentRow): StoredAgent {
  return {
    id: toWireId('agent', row.id),
    version: row.version,
    agent: row.agent as AgentSnapshot,
    configName: null,
    createdAt: row.created_at,
    updatedAt: row.version === row.newest ? row.updated_at : row.versioned_at,
    archivedAt: row.archived_at,
  };
}

/** Returns an agent in the form of Anthropic's API. */
export function toWireAgent({ id, version, agent, createdAt, updatedAt, archivedAt }: StoredAgent) {
  return {
    id,
    ...agent,
    version,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
    archived_at: archivedAt?.toISOString() ?? null,
  };
}
