import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findKeyByHash, generateKey, hasAdminKey, hashKey, storeKey } from '../access/keys.ts';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { makeDirectory } from '../core/paths.ts';
import type { Database } from '../db/database.ts';

/** Where the first key is kept, for the commands on this machine to use by themselves. */
export function adminKeyFile(dataDir: string): string {
  return path.join(dataDir, 'admin-key');
}

interface AdminKeyOptions {
  readonly dataDir: string;
  /** The key that the deployment has chosen, or null: then the first one is made here. */
  readonly given: string | null;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Sees to it that there is an admin key; returns it when it was made here, else null. To be done `exclusively`: of several
 * processes that start at once on a new database one makes it.
 *
 * A key that was given is made to work, beside those that there are. One that was revoked stays so.
 */
export async function ensureAdminKey(database: Database, options: AdminKeyOptions): Promise<string | null> {
  const { given, log } = options;
  if (given !== null) {
    await ensureGivenKey(database, { given, log });
    return null;
  }
  return (await hasAdminKey(database)) ? null : makeFirstKey(database, options);
}

async function ensureGivenKey(
  database: Database,
  { given, log }: { given: string; log: AdminKeyOptions['log'] },
): Promise<void> {
  const known = await findKeyByHash(database, hashKey(given));
  if (known === null) {
    const { id } = await storeKey(database, { key: given, name: 'admin', scopes: ['admin'] });
    log.info({ keyId: id }, 'the admin key of LONGHAUL_ADMIN_KEY is in force');
  } else if (known.revokedAt !== null) {
    log.warn({ keyId: known.id }, 'LONGHAUL_ADMIN_KEY is a key that was revoked, and stays so: give another one');
  } else if (!known.scopes.includes('admin')) {
    log.warn({ keyId: known.id, scopes: known.scopes }, 'LONGHAUL_ADMIN_KEY is a key without the scope admin');
  }
}

/**
 * The file (mode 600) is written before the database knows the key: a crash in between leaves a file that the next start
 * replaces, never a key that nobody holds. Where no file can be written there is no key either.
 */
async function makeFirstKey(database: Database, { dataDir, log }: AdminKeyOptions): Promise<string | null> {
  const key = generateKey();
  const file = adminKeyFile(dataDir);
  try {
    await makeDirectory(dataDir, { mode: 0o700 });
    await writeFile(`${file}.new`, `${key}\n`, { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch (error) {
    log.warn(
      { file, reason: toMessage(error) },
      'no admin key was made, for it could not be kept: set LONGHAUL_ADMIN_KEY, or run: longhaul keys create admin --scope admin --database',
    );
    return null;
  }
  await storeKey(database, { key, name: 'admin', scopes: ['admin'] });
  return key;
}
