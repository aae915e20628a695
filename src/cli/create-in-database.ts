import type { KeyResource } from '../client/client.ts';
import { LonghaulError } from '../core/errors.ts';
import { toFieldErrors } from '../core/validation.ts';
import type { Shell } from './shell.ts';

/** A key that was created, with the fields to show. */
export type NewKey = Pick<KeyResource, 'id' | 'name' | 'scopes' | 'user' | 'team'> & { readonly key: string };

interface CreateOptions {
  readonly scope?: readonly KeyResource['scopes'][number][];
  readonly user?: string;
  readonly team?: string;
  readonly config?: string;
}

/**
 * Creates a key in the database of the configuration: for operators with write access to the database but without a
 * key, because the first one was never shown to them, or was lost.
 * @throws {LonghaulError} `invalid_request`, `database_unavailable` when the database has no tables yet, and the errors
 * of opening the database.
 */
export async function createInDatabase(shell: Shell, name: string, options: CreateOptions): Promise<NewKey> {
  const [{ loadConfig }, { openDatabase }, { makeKey }, { newKeySchema }] = await Promise.all([
    import('../config/load.ts'),
    import('../db/open.ts'),
    import('../api/make-key.ts'),
    import('../api/contract.ts'),
  ]);
  const config = await loadConfig({ file: options.config, cwd: shell.cwd, env: shell.env });
  const { scope, user, team } = options;
  const asked = { name, scopes: scope, user, team };
  const parsed = newKeySchema.safeParse(
    Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined)),
  );
  if (!parsed.success) {
    const errors = toFieldErrors(parsed.error, asked);
    const message = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new LonghaulError('invalid_request', { message, errors });
  }
  const database = await openDatabase(config);
  try {
    const { key, stored } = await makeKey(database, { wanted: parsed.data });
    return { id: stored.id, name: stored.name, scopes: [...stored.scopes], user: stored.user, team: stored.team, key };
  } catch (error) {
    if ((error as { code?: unknown }).code !== UNDEFINED_TABLE) throw error;
    throw new LonghaulError('database_unavailable', {
      message: 'The database has no Longhaul tables yet. Create them first: longhaul migrate',
      cause: error,
    });
  } finally {
    await database.close();
  }
}

/** SQLSTATE 42P01 (PostgreSQL, appendix A). */
const UNDEFINED_TABLE = '42P01';
