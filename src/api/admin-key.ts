import { rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { generateKey, hasKeys, storeKey } from '../access/keys.ts';
import { makeDirectory } from '../core/paths.ts';
import type { Database } from '../db/database.ts';

/** Where the first key is kept, for the commands on this machine to use by themselves. */
export function adminKeyFile(dataDir: string): string {
  return path.join(dataDir, 'admin-key');
}

/**
 * Makes the first key of a new database, with every scope; returns it, or null when there are keys already.
 * The file (mode 600) is written before the database knows the key: a crash in between leaves a file that
 * the next start replaces, never a key that nobody holds.
 */
export async function ensureAdminKey(database: Database, dataDir: string): Promise<string | null> {
  if (await hasKeys(database)) return null;
  const key = generateKey();
  const file = adminKeyFile(dataDir);
  await makeDirectory(dataDir, { mode: 0o700 });
  await writeFile(`${file}.new`, `${key}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  await storeKey(database, { key, name: 'admin', scopes: ['admin'] });
  return key;
}
