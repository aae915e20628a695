import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findKeyByHash, generateKey, hasAdminKey, hashKey, storeKey } from '../access/keys.ts';
import { toMessage } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import { makeDirectory } from '../core/paths.ts';
import type { Database } from '../db/database.ts';

/** Returns the file of the first key, which commands on this machine use automatically. */
export function adminKeyFile(dataDir: string): string {
  return path.join(dataDir, 'admin-key');
}

interface AdminKeyOptions {
  readonly dataDir: string;
  /** The key chosen by the deployment; null to create the first key here. */
  readonly given: string | null;
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

/**
 * Ensures that there is an admin key. Returns it if it was created here, else null. Call it `exclusively`, so that only
 * one of several processes that start at once on a new database creates it.
 *
 * A given key is stored beside the existing keys. A revoked key stays revoked.
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
    log.info({ keyId: id }, 'the admin key of LONGHAUL_ADMIN_KEY was stored');
  } else if (known.revokedAt !== null) {
    log.warn({ keyId: known.id }, 'LONGHAUL_ADMIN_KEY is a revoked key and stays revoked: set another one');
  } else if (!known.scopes.includes('admin')) {
    log.warn({ keyId: known.id, scopes: known.scopes }, 'LONGHAUL_ADMIN_KEY is a key that lacks the scope admin');
  }
}

/**
 * Creates the first key. The file (mode 600) is written before the key is stored in the database: a crash in between
 * leaves a file that the next start replaces, never a lost key. If the file cannot be written, no key is created.
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
      'no admin key was created, because its file could not be written: set LONGHAUL_ADMIN_KEY, or run: longhaul keys create admin --scope admin --database',
    );
    return null;
  }
  await storeKey(database, { key, name: 'admin', scopes: ['admin'] });
  return key;
}
