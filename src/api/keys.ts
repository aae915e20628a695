import { createHash, randomBytes } from 'node:crypto';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import { createId } from '../core/ids.ts';
import type { Database } from '../db/database.ts';

/** Who is calling, by their API key. */
export interface Caller {
  readonly keyId: string;
  readonly scopes: readonly string[];
}

/** How long a key that was found is taken as still good: a revoked one works no longer than this. */
const REMEMBER_MS = 5_000;

const PREFIX = 'lh_';

/** A new key. Only its hash is ever stored: whoever loses it makes another. */
export function generateKey(): string {
  return `${PREFIX}${randomBytes(32).toString('base64url')}`;
}

/** Makes a key work. */
export async function storeKey(
  database: Database,
  options: { key: string; name: string; scopes: readonly string[] },
): Promise<void> {
  const { name, scopes } = options;
  const id = createId();
  await database.sql.transaction().execute(async (trx) => {
    await trx
      .insertInto('longhaul.api_keys')
      .values({ id, name, hash: hashKey(options.key), scopes: [...scopes] })
      .execute();
    await recordAudit(trx, { actor: SYSTEM_ACTOR, action: 'key.created', subject: id, data: { name, scopes } });
  });
}

/** Whether there is any key that works. */
export async function hasKeys(database: Database): Promise<boolean> {
  const row = await database.sql
    .selectFrom('longhaul.api_keys')
    .select('id')
    .where('revoked_at', 'is', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Finds the caller behind a key, or null. Keys hold 256 random bits, so a plain hash finds them safely. */
export function createKeyFinder(database: Database): (key: string) => Promise<Caller | null> {
  const remembered = new Map<string, { caller: Caller; until: number }>();
  return async (key) => {
    if (!key.startsWith(PREFIX)) return null;
    const hash = hashKey(key);
    const known = remembered.get(hash);
    if (known !== undefined && known.until > performance.now()) return known.caller;
    remembered.delete(hash);
    const row = await database.sql
      .selectFrom('longhaul.api_keys')
      .select(['id', 'scopes'])
      .where('hash', '=', hash)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    if (row === undefined) return null;
    const caller = { keyId: row.id, scopes: row.scopes };
    remembered.set(hash, { caller, until: performance.now() + REMEMBER_MS });
    return caller;
  };
}

function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
