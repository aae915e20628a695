import { createHash, randomBytes } from 'node:crypto';
import { sql, type Selectable, type Transaction } from 'kysely';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import { LonghaulError } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { Tables } from '../db/tables.ts';
import type { AccessTables } from '../db/tables/access.ts';
import type { Scope } from './scopes.ts';

/** An API key as it may be shown, without the key itself. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** The end user the key is bound to; null for any. */
  readonly user: string | null;
  /** The team the key is bound to; null for any. */
  readonly team: string | null;
  /** Issuer and subject of the person who signs in with OpenID Connect; null for a key that a caller sends. */
  readonly subject: string | null;
  readonly createdAt: Date;
  /** Precise to the minute; null when the key was never used. */
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/**
 * The id of the key for calls of an application that runs Longhaul in its own process. The key is in the table because
 * runs, audit entries and tokens refer to a key. No one knows it, so it cannot be used over HTTP.
 */
export const IN_PROCESS_KEY_ID = '00000000-0000-7000-8000-000000000001';

const PREFIX = 'lh_';

/** Generates a new key. Only its hash is stored, so a lost key must be replaced. */
export function generateKey(): string {
  return `${PREFIX}${randomBytes(32).toString('base64url')}`;
}

/** Returns whether a credential has the form of a key. */
export function looksLikeKey(credential: string): boolean {
  return credential.startsWith(PREFIX);
}

/** Hashes a key. Keys have 256 random bits, so a plain hash is safe to store and to search by. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

interface NewKey {
  readonly key: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly user?: string | null | undefined;
  readonly team?: string | null | undefined;
  /** The actor in the audit record. Defaults to Longhaul itself. */
  readonly actor?: string;
}

/** Stores a key, which makes it valid. */
export async function storeKey(database: Database, options: NewKey): Promise<ApiKey> {
  const { key, name, scopes, user = null, team = null, actor = SYSTEM_ACTOR } = options;
  const id = createId();
  return database.sql.transaction().execute(async (trx) => {
    const row = await trx
      .insertInto('longhaul.api_keys')
      .values({ id, name, hash: hashKey(key), scopes: [...scopes], user_id: user, team })
      .returningAll()
      .executeTakeFirstOrThrow();
    await recordAudit(trx, { actor, action: 'key.created', subject: id, data: { name, scopes, user, team } });
    return toApiKey(row);
  });
}

/**
 * Returns whether there is a valid admin key that an operator can send. The in-process key and those of people who sign
 * in with OpenID Connect do not count.
 */
export async function hasAdminKey(database: Database): Promise<boolean> {
  const { rows } = await sql`
    select from longhaul.api_keys
     where 'admin' = any(scopes) and revoked_at is null and subject is null and id <> ${IN_PROCESS_KEY_ID}
     limit 1`.execute(database.sql);
  return rows.length > 0;
}

/** Finds the key with this hash, revoked or not; null when there is none. */
export async function findKeyByHash(database: Database, hash: string): Promise<ApiKey | null> {
  const row = await database.sql
    .selectFrom('longhaul.api_keys')
    .selectAll()
    .where('hash', '=', hash)
    .executeTakeFirst();
  return row === undefined ? null : toApiKey(row);
}

/** Reads the name of a key, revoked or not. Keys are never deleted, so the key of a caller always has one. */
export async function readKeyName(database: Database, id: string): Promise<string> {
  const { name } = await database.sql
    .selectFrom('longhaul.api_keys')
    .select('name')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return name;
}

/** Lists a page of keys, newest first, including revoked keys, and whether there are more. */
export async function listKeys(
  database: Database,
  { before, limit }: { before?: string | undefined; limit: number },
): Promise<{ keys: ApiKey[]; hasMore: boolean }> {
  let query = database.sql
    .selectFrom('longhaul.api_keys')
    .selectAll()
    .orderBy('id', 'desc')
    .limit(limit + 1);
  if (before !== undefined) query = query.where('id', '<', before);
  const rows = await query.execute();
  return { keys: rows.slice(0, limit).map(toApiKey), hasMore: rows.length > limit };
}

/**
 * Revokes a key on every server, with its tokens and open streams. Returns the key, or null when there is none. A key
 * that was revoked before does not change.
 *
 * Locks every valid admin key: when two callers revoke the last two keys at once, the second waits and is rejected. The
 * in-process key and the keys of people do not count, because no one can send them.
 * @throws {LonghaulError} `conflict` when no admin key would be left.
 */
export async function revokeKey(
  database: Database,
  { id, actor }: { id: string; actor: string },
): Promise<ApiKey | null> {
  return database.sql.transaction().execute(async (trx) => {
    const { rows: admins } = await sql<{ id: string }>`
      select id from longhaul.api_keys
       where 'admin' = any(scopes) and revoked_at is null and subject is null and id <> ${IN_PROCESS_KEY_ID}
       order by id for update`.execute(trx);
    if (admins.length === 1 && admins[0]!.id === id) {
      throw new LonghaulError('conflict', {
        message:
          'This is the last admin key: without it, no key could be created. Create another admin key first, then revoke this one.',
      });
    }
    const row = await trx
      .selectFrom('longhaul.api_keys')
      .selectAll()
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined || row.revoked_at !== null) return row === undefined ? null : toApiKey(row);
    return toApiKey(await markRevoked(trx, { id, name: row.name, actor }));
  });
}

/** Revokes a key whose row the transaction has locked, and notifies every server when it commits. */
export async function markRevoked(
  trx: Transaction<Tables>,
  { id, name, actor }: { readonly id: string; readonly name: string; readonly actor: string },
): Promise<Selectable<AccessTables['longhaul.api_keys']>> {
  const revoked = await trx
    .updateTable('longhaul.api_keys')
    .set({ revoked_at: sql<Date>`clock_timestamp()` })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await recordAudit(trx, { actor, action: 'key.revoked', subject: id, data: { name } });
  await sql`select pg_notify(${CHANNELS.revocations}, ${id})`.execute(trx);
  return revoked;
}

function toApiKey(row: Selectable<AccessTables['longhaul.api_keys']>): ApiKey {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes as Scope[],
    user: row.user_id,
    team: row.team,
    subject: row.subject,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  };
}
