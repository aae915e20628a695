import type { Selectable } from 'kysely';
import type { ManagedTables } from '../../db/tables/managed.ts';
import type { Metadata } from '../agents/metadata.ts';
import { toWireId } from '../ids.ts';

/** The only configuration that Longhaul can keep, with every default in place. */
export const CLOUD = {
  type: 'cloud',
  networking: { type: 'unrestricted' },
  packages: { type: 'packages', apt: [], cargo: [], gem: [], go: [], npm: [], pip: [] },
} as const;

/** An environment: a name for the place where sessions run. */
export interface Environment {
  /** The id that clients see. */
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly config: typeof CLOUD;
  readonly metadata: Metadata;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly archivedAt: Date | null;
}

/** The environment that always exists. Its times are fixed, because nobody has created it. */
export const DEFAULT_ENVIRONMENT: Environment = {
  id: 'env_default',
  name: 'default',
  description: null,
  config: CLOUD,
  metadata: {},
  createdAt: new Date(0),
  updatedAt: new Date(0),
  archivedAt: null,
};

export type EnvironmentRow = Selectable<ManagedTables['longhaul.managed_environments']>;

/** Converts a row of `longhaul.managed_environments` to an environment. No other function does. */
export function toEnvironment(row: EnvironmentRow): Environment {
  return {
    id: toWireId('env', row.id),
    name: row.name,
    description: row.description,
    config: row.config as typeof CLOUD,
    metadata: row.metadata as Metadata,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    archivedAt: row.archived_at,
  };
}

/** Returns an environment in the form of Anthropic's API. */
export function toWireEnvironment(environment: Environment) {
  const { id, name, description, config, metadata, createdAt, updatedAt, archivedAt } = environment;
  return {
    id,
    type: 'environment',
    name,
    description,
    config,
    metadata,
    scope: 'organization',
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
    archived_at: archivedAt?.toISOString() ?? null,
  };
}
