import { isDeepStrictEqual } from 'node:util';
import { sql } from 'kysely';
import type { AuditAction } from '../../audit/actions.ts';
import { keyActor } from '../../audit/actors.ts';
import { recordAudit } from '../../audit/record.ts';
import { createId } from '../../core/ids.ts';
import type { Database, Transaction } from '../../db/database.ts';
import { noteManagedWebhooks } from '../../run/webhooks/note-managed-webhooks.ts';
import { mergeMetadata } from '../agents/metadata.ts';
import { invalid, ManagedError, notFound, notSupported } from '../error.ts';
import { fromWireId } from '../ids.ts';
import type { EnvironmentChange, NewEnvironment } from './environment-schema.ts';
import { CLOUD, DEFAULT_ENVIRONMENT, toEnvironment, type Environment } from './environment.ts';

/** The environment that a caller changes. */
interface Meant {
  /** The id that clients see. */
  readonly id: string;
  /** The API key of the caller. */
  readonly keyId: string;
}

/**
 * Creates an environment.
 * @throws {ManagedError} `conflict_error` when its name is in use; `not_supported` for a configuration that Longhaul
 * cannot keep.
 */
export async function createEnvironment(
  database: Database,
  { given, keyId }: { given: NewEnvironment; keyId: string },
): Promise<Environment> {
  const { name, description = null, config, metadata } = given;
  if (config?.type === 'self_hosted') throw notSupported('config.type', 'A self-hosted environment');
  refuseUnsupported(given);
  const row = {
    id: createId(),
    name,
    description,
    config: JSON.stringify(CLOUD),
    metadata: JSON.stringify(mergeMetadata({}, metadata)),
  };
  return withFreeName(name, () =>
    database.sql.transaction().execute(async (trx) => {
      const created = await trx
        .insertInto('longhaul.managed_environments')
        .values(row)
        .returningAll()
        .executeTakeFirstOrThrow();
      const environment = toEnvironment(created);
      await audit(trx, { action: 'environment.created', environment, keyId });
      return environment;
    }),
  );
}

/**
 * Changes an environment.
 * @throws {ManagedError} `conflict_error` when its new name is in use; `environment_archived`;
 * `invalid_config_type_change`; `not_supported`; for the default environment.
 */
export async function updateEnvironment(
  database: Database,
  { change, ...meant }: Meant & { readonly change: EnvironmentChange },
): Promise<Environment> {
  const work = () =>
    changeLocked(database, meant, async (trx, { uuid, current }) => {
      const changed = toChanged(current, change);
      if (isDeepStrictEqual(changed, current)) return current;
      const { name, description, metadata } = changed;
      const row = await trx
        .updateTable('longhaul.managed_environments')
        .set({ name, description, metadata: JSON.stringify(metadata), updated_at: sql<Date>`now()` })
        .where('id', '=', uuid)
        .returningAll()
        .executeTakeFirstOrThrow();
      const environment = toEnvironment(row);
      await audit(trx, { action: 'environment.updated', environment, keyId: meant.keyId });
      return environment;
    });
  return typeof change.name === 'string' ? withFreeName(change.name, work, meant.id) : work();
}

/** Archives an environment for ever: its sessions go on, and it gets no new ones. An archived one stays as it is. */
export function archiveEnvironment(database: Database, meant: Meant): Promise<Environment> {
  return changeLocked(database, meant, async (trx, { uuid, current }) => {
    if (current.archivedAt !== null) return current;
    const row = await trx
      .updateTable('longhaul.managed_environments')
      .set({ archived_at: sql<Date>`now()`, updated_at: sql<Date>`now()` })
      .where('id', '=', uuid)
      .returningAll()
      .executeTakeFirstOrThrow();
    const environment = toEnvironment(row);
    await audit(trx, { action: 'environment.archived', environment, keyId: meant.keyId });
    return environment;
  });
}

/**
 * Deletes an environment that has no sessions, archived ones included. A session that is created at the same time holds
 * the row (`holdEnvironment`), and is seen here, or finds no environment.
 */
export async function deleteEnvironment(database: Database, meant: Meant): Promise<void> {
  await changeLocked(database, meant, async (trx, { uuid, current }) => {
    const session = await trx
      .selectFrom('longhaul.managed_sessions')
      .select('id')
      .where('environment_id', '=', meant.id)
      .limit(1)
      .executeTakeFirst();
    if (session !== undefined) {
      throw invalid(`The environment ${meant.id} has sessions. Delete them first, or archive the environment.`);
    }
    await trx.deleteFrom('longhaul.managed_environments').where('id', '=', uuid).execute();
    await audit(trx, { action: 'environment.deleted', environment: current, keyId: meant.keyId });
    return current;
  });
}

interface Locked {
  readonly uuid: string;
  readonly current: Environment;
}

/** Locks the environment's row: of two changes at once, the second finds the first. */
async function changeLocked(
  database: Database,
  { id }: Meant,
  work: (trx: Transaction, locked: Locked) => Promise<Environment>,
): Promise<Environment> {
  if (id === DEFAULT_ENVIRONMENT.id) throw invalid(`The environment ${id} always exists as it is.`);
  const uuid = fromWireId('env', id);
  if (uuid === null) throw notFound('environment', id);
  return database.sql.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('longhaul.managed_environments')
      .selectAll()
      .where('id', '=', uuid)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw notFound('environment', id);
    return work(trx, { uuid, current: toEnvironment(row) });
  });
}

function toChanged(current: Environment, change: EnvironmentChange): Environment {
  if (current.archivedAt !== null) {
    throw invalid(`The environment ${current.id} is archived, so it cannot be updated.`, 'environment_archived');
  }
  const { name, description, config, metadata } = change;
  if (config?.type === 'self_hosted') {
    throw invalid(`config.type: cannot change; it is "${current.config.type}"`, 'invalid_config_type_change');
  }
  refuseUnsupported(change);
  // The official API removes a pair whose new value is empty.
  const pairs = Object.entries(metadata ?? {}).map(([key, value]) => [key, value === '' ? null : value] as const);
  return {
    ...current,
    name: name ?? current.name,
    description: description === undefined ? current.description : description,
    metadata: mergeMetadata(current.metadata, Object.fromEntries(pairs)),
  };
}

/** A network or a package that Longhaul cannot provide is refused, never ignored. */
function refuseUnsupported({ config, scope }: Pick<EnvironmentChange, 'config' | 'scope'>): void {
  if (scope === 'account') throw notSupported('scope', 'The scope "account"');
  if (config?.type !== 'cloud') return;
  const { networking, packages } = config;
  if (networking?.type === 'limited') throw notSupported('config.networking', 'Limited networking');
  const manager = (['apt', 'cargo', 'gem', 'go', 'npm', 'pip'] as const).find(
    (name) => (packages?.[name] ?? []).length > 0,
  );
  if (manager !== undefined) throw notSupported(`config.packages.${manager}`, 'The installation of packages');
}

/** Raised by `managed_environments_by_name`, which leaves out archived environments. */
const UNIQUE_VIOLATION = '23505';

/** @throws {ManagedError} `conflict_error` when the name is another environment's. */
async function withFreeName<T>(name: string, work: () => Promise<T>, id?: string): Promise<T> {
  const inUse = () =>
    new ManagedError('conflict_error', `There is another environment with the name ${JSON.stringify(name)}.`);
  if (name === DEFAULT_ENVIRONMENT.name && id !== DEFAULT_ENVIRONMENT.id) throw inUse();
  try {
    return await work();
  } catch (error) {
    if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) throw inUse();
    throw error;
  }
}

interface Audited {
  readonly action: Extract<AuditAction, `environment.${string}`>;
  readonly environment: Environment;
  readonly keyId: string;
}

/** Records and reports a change. */
async function audit(trx: Transaction, { action, environment, keyId }: Audited): Promise<void> {
  const { id, name } = environment;
  await recordAudit(trx, { actor: keyActor({ keyId }), action, subject: id, data: { name } });
  await noteManagedWebhooks(trx, { types: [action], subject: id });
}
