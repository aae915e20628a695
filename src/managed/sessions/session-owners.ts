import { toOwners, toTenant, type Caller } from '../../access/caller.ts';
import { mergeMetadata, type Metadata } from '../agents/metadata.ts';
import { invalid } from '../error.ts';

/** The owners of a session, or of a deployment and its sessions. */
export interface SessionOwners {
  readonly user: string | null;
  readonly team: string | null;
  /** The team that the user belongs to; null: the user is the application's, or there is none. */
  readonly tenant: string | null;
}

/** Keys of the metadata that name the owners. They stay as they are. */
const OWNER_KEYS = { user: 'longhaul_user', team: 'longhaul_team' } as const;

/**
 * Returns the owners of what a caller creates with this metadata.
 * @throws {LonghaulError} `forbidden` when the caller is bound, and names others.
 */
export function toSessionOwners(caller: Caller, metadata: Metadata): SessionOwners {
  const { user, team } = toOwners(caller, { user: metadata[OWNER_KEYS.user], team: metadata[OWNER_KEYS.team] });
  return { user: user ?? null, team: team ?? null, tenant: user === undefined ? null : toTenant(caller) };
}

/** Returns the pairs of metadata that name owners. */
export function onlyOwners(metadata: Metadata): Metadata {
  const keys: readonly string[] = Object.values(OWNER_KEYS);
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => keys.includes(key)));
}

/**
 * Merges a change into metadata, as `mergeMetadata` does.
 * @throws {ManagedError} when it would change an owner.
 */
export function mergeOwnedMetadata(metadata: Metadata, change: Readonly<Record<string, string | null>>): Metadata {
  for (const key of Object.values(OWNER_KEYS)) {
    if (key in change && change[key] !== (metadata[key] ?? null)) throw invalid(`metadata.${key}: cannot be changed`);
  }
  return mergeMetadata(metadata, change);
}
