import type { Database, Transaction } from '../../db/database.ts';
import { fromWireId } from '../ids.ts';
import { DEFAULT_ENVIRONMENT, toEnvironment, type Environment } from './environment.ts';

/** An environment that a session can be made in. */
export interface FoundEnvironment {
  /** The id that clients see. */
  readonly id: string;
  readonly isArchived: boolean;
}

/** Finds an environment; null when there is none. */
export async function findEnvironment(database: Pick<Database, 'sql'>, id: string): Promise<FoundEnvironment | null> {
  return toFound(await readEnvironment(database, id));
}

/**
 * Finds an environment, and keeps it from being archived or deleted until the transaction ends: for a session that is
 * created in it.
 */
export async function holdEnvironment(trx: Transaction, id: string): Promise<FoundEnvironment | null> {
  const uuid = fromWireId('env', id);
  if (uuid !== null) {
    await trx.selectFrom('longhaul.managed_environments').select('id').where('id', '=', uuid).forShare().execute();
  }
  return findEnvironment({ sql: trx }, id);
}

/** Reads an environment; null when there is none. */
export async function readEnvironment({ sql }: Pick<Database, 'sql'>, id: string): Promise<Environment | null> {
  if (id === DEFAULT_ENVIRONMENT.id) return DEFAULT_ENVIRONMENT;
  const uuid = fromWireId('env', id);
  if (uuid === null) return null;
  const row = await sql
    .selectFrom('longhaul.managed_environments')
    .selectAll()
    .where('id', '=', uuid)
    .executeTakeFirst();
  return row === undefined ? null : toEnvironment(row);
}

function toFound(environment: Environment | null): FoundEnvironment | null {
  return environment === null ? null : { id: environment.id, isArchived: environment.archivedAt !== null };
}
