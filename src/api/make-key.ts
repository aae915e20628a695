import type { z } from '@hono/zod-openapi';
import { generateKey, storeKey, type ApiKey } from '../access/keys.ts';
import { DATABASE_ACTOR } from '../audit/actors.ts';
import type { Scope } from '../access/scopes.ts';
import type { Database } from '../db/database.ts';
import type { newKeySchema } from './contract.ts';
import { fieldError } from './problem.ts';

/** The scopes that the server of an application needs. */
const APPLICATION: readonly Scope[] = ['runs:write', 'runs:read', 'approvals'];

interface MakeKeyOptions {
  readonly wanted: z.infer<typeof newKeySchema>;
  /** The actor in the audit record. Defaults to the actor for direct access to the database. */
  readonly actor?: string;
}

/**
 * Creates an API key, and returns it with its stored form.
 * @throws {LonghaulError} `invalid_request` for a key of an operator or a scraper that is bound to a user or team.
 */
export async function makeKey(
  database: Database,
  { wanted, actor = DATABASE_ACTOR }: MakeKeyOptions,
): Promise<{ key: string; stored: ApiKey }> {
  const { name, scopes = APPLICATION, user, team } = wanted;
  const bound = user !== undefined ? 'user' : team !== undefined ? 'team' : null;
  if (bound !== null && scopes.includes('admin')) {
    throw fieldError(bound, 'must be left out with the scope admin, which covers all users and teams');
  }
  if (bound !== null && scopes.includes('metrics')) {
    throw fieldError(bound, 'must be left out with the scope metrics, which covers all users and teams');
  }
  const key = generateKey();
  const stored = await storeKey(database, { key, name, scopes: [...new Set(scopes)], user, team, actor });
  return { key, stored };
}
