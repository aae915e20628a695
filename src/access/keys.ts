import { createHash, randomBytes } from 'node:crypto';
import { sql, type Selectable } from 'kysely';
import { SYSTEM_ACTOR } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import { LonghaulError } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { AccessTables } from '../db/tables/access.ts';
import type { Scope } from './scopes.ts';

/** An API key as it may be shown: without the key. */
export interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** The one end user it is bound to; null: any. */
  readonly user: string | null;
  /** The one team it is bound to; null: any. */
  readonly team: string | null;
  readonly createdAt: Date;
  /** To the minute; null: never. */
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

/**
 * The key that an application's own process calls with, which has Longhaul within it. It stands in the table for what
 * names a key, such as runs, audit entries and tokens; nobody holds it, so over HTTP nobody calls with it.
 */
export const IN_PROCESS_KEY_ID = '00000000-0000-7000-8000-000000000001';

const PREFIX = 'lh_';

/** A new key. Only its hash is ever stored: whoever loses it makes another. */
export function generateKey(): string {
  return `${PREFIX}${randomBytes(32).toString('base64url')}`;
}

/** Whether a credential claims to be a key. */
export function looksLikeKey(credential: string): boolean {
  return credential.startsWith(PREFIX);
}

/** Keys hold 256 random bits, so a plain hash hides them and finds them safely. */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

interface NewKey {
  readonly key: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly user?: string | null | undefined;
  readonly team?: string | null | undefined;
  /** Who makes it, for the audit record. Defaults to Longhaul itself. */
  readonly actor?: string;
}

/** Makes a key work. */
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

/** Whether there is an admin key that works and that somebody may hold: that of an application's own process is none. */
export async function hasAdminKey(database: Database): Promise<boolean> {
  const { rows } = await sql`
    select from longhaul.api_keys
     where 'admin' = any(scopes) and revoked_at is null and id <> ${IN_PROCESS_KEY_ID} limit 1`.execute(database.sql);
  return rows.length > 0;
}

/** The key with this hash, revoked or not; null when there is none. */
export async function findKeyByHash(database: Database, hash: string): Promise<ApiKey | null> {
  const row = await database.sql
    .selectFrom('longhaul.api_keys')
    .selectAll()
    .where('hash', '=', hash)
    .executeTakeFirst();
  return row === undefined ? null : toApiKey(row);
}

/** A page of keys, newest first, revoked ones included, and whether there are more. */
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
 * Ends a key, with its tokens and open streams, on every server: returns it as it then stands, or null when there is
 * none. One that was revoked before stays so.
 *
 * Locks every admin key that works: of two that revoke the last two at once the second waits, and is refused. That of an
 * application's own process does not count: nobody holds it.
 * @throws {LonghaulError} `conflict` when no admin key would be left.
 */
export async function revokeKey(
  database: Database,
  { id, actor }: { id: string; actor: string },
): Promise<ApiKey | null> {
  return database.sql.transaction().execute(async (trx) => {
    const { rows: admins } = await sql<{ id: string }>`
      select id from longhaul.api_keys where 'admin' = any(scopes) and revoked_at is null and id <> ${IN_PROCESS_KEY_ID}
       order by id for update`.execute(trx);
    if (admins.length === 1 && admins[0]!.id === id) {
      throw new LonghaulError('conflict', {
        message: 'This is the last admin key: nobody could make another. Make one first, then revoke this one.',
      });
    }
    const row = await trx
      .selectFrom('longhaul.api_keys')
      .selectAll()
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined || row.revoked_at !== null) return row === undefined ? null : toApiKey(row);
    const revoked = await trx
      .updateTable('longhaul.api_keys')
      .set({ revoked_at: sql<Date>`clock_timestamp()` })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirstOrThrow();
    await recordAudit(trx, { actor, action: 'key.revoked', subject: id, data: { name: row.name } });
    await sql`select pg_notify(${CHANNELS.revocations}, ${id})`.execute(trx);
    return toApiKey(revoked);
  });
}

function toApiKey(row: Selectable<AccessTables['longhaul.api_keys']>): ApiKey {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes as Scope[],
    user: row.user_id,
    team: row.team,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    revokedAt: row.revoked_at,
  };
}
