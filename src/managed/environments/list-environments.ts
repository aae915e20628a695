import type { Database } from '../../db/database.ts';
import { fromWireId } from '../ids.ts';
import { DEFAULT_ENVIRONMENT, toEnvironment, type Environment } from './environment.ts';

/** The place at which a list goes on: older than an environment, by UUID; null: the default environment alone is left. */
export interface EnvironmentsPage {
  readonly before: string | null;
}

interface ListOptions {
  readonly page: EnvironmentsPage | null;
  readonly includeArchived: boolean;
  readonly limit: number;
}

/** Lists environments, newest first; the default environment is the last. */
export async function listEnvironments(
  database: Database,
  { page, includeArchived, limit }: ListOptions,
): Promise<{ environments: Environment[]; next: EnvironmentsPage | null }> {
  if (page?.before === null) return { environments: [DEFAULT_ENVIRONMENT], next: null };
  let query = database.sql
    .selectFrom('longhaul.managed_environments')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (page !== null) query = query.where('id', '<', page.before);
  if (!includeArchived) query = query.where('archived_at', 'is', null);
  const read = (await query.execute()).map(toEnvironment);
  if (read.length < limit) return { environments: [...read, DEFAULT_ENVIRONMENT], next: null };
  const environments = read.slice(0, limit);
  const before = read.length > limit ? fromWireId('env', environments.at(-1)!.id) : null;
  return { environments, next: { before } };
}
