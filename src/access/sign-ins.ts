import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { keyActor } from '../audit/actors.ts';
import { recordAudit } from '../audit/record.ts';
import { createId } from '../core/ids.ts';
import type { Database } from '../db/database.ts';

/** Validity of a link that signs in once. */
export const CODE_LASTS_MS = 600_000;

/** Maximum number of expired rows that each new one deletes. */
const REMOVED_AT_ONCE = 1_000;

interface Begun {
  /** Secret for the cookie. The database stores only its hash. */
  readonly secret: string;
  readonly expiresAt: Date;
}

interface BeginOptions {
  readonly keyId: string;
  readonly lastsMs: number;
}

/** Creates a sign-in: its secret counts as the API key until the sign-out, the expiry, or the revocation of the key. */
export async function beginSignIn(database: Database, { keyId, lastsMs }: BeginOptions): Promise<Begun> {
  const secret = makeSecret();
  const id = createId();
  const row = await database.sql.transaction().execute(async (trx) => {
    await sql`delete from longhaul.sign_ins where id in
      (select id from longhaul.sign_ins where expires_at < now() limit ${sql.lit(REMOVED_AT_ONCE)} for update skip locked)`.execute(
      trx,
    );
    await recordAudit(trx, {
      actor: keyActor({ keyId }),
      action: 'dashboard.signed_in',
      subject: keyId,
      data: { signInId: id },
    });
    return trx
      .insertInto('longhaul.sign_ins')
      .values({ id, hash: hash(secret), key_id: keyId, expires_at: inMs(lastsMs) })
      .returning('expires_at')
      .executeTakeFirstOrThrow();
  });
  return { secret, expiresAt: row.expires_at };
}

/** Finds the sign-in of a secret; null when it has ended or never existed. */
export async function findSignIn(
  database: Database,
  secret: string,
): Promise<{ readonly keyId: string; readonly expiresAt: Date } | null> {
  const row = await database.sql
    .selectFrom('longhaul.sign_ins')
    .select(['key_id', 'expires_at'])
    .where('hash', '=', hash(secret))
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
  return row === undefined ? null : { keyId: row.key_id, expiresAt: row.expires_at };
}

/** Ends a sign-in. Safe to repeat. */
export async function endSignIn(database: Database, secret: string): Promise<void> {
  await database.sql.transaction().execute(async (trx) => {
    const ended = await trx
      .deleteFrom('longhaul.sign_ins')
      .where('hash', '=', hash(secret))
      .returning(['id', 'key_id'])
      .executeTakeFirst();
    if (ended === undefined) return;
    await recordAudit(trx, {
      actor: keyActor({ keyId: ended.key_id }),
      action: 'dashboard.signed_out',
      subject: ended.key_id,
      data: { signInId: ended.id },
    });
  });
}

/** Creates a code that signs in once, as the key that created it. */
export async function createSignInCode(
  database: Database,
  keyId: string,
): Promise<{ readonly code: string; readonly expiresAt: Date }> {
  const code = makeSecret();
  await sql`delete from longhaul.sign_in_codes where hash in
    (select hash from longhaul.sign_in_codes where expires_at < now() limit ${sql.lit(REMOVED_AT_ONCE)} for update skip locked)`.execute(
    database.sql,
  );
  const { expires_at: expiresAt } = await database.sql
    .insertInto('longhaul.sign_in_codes')
    .values({ hash: hash(code), key_id: keyId, expires_at: inMs(CODE_LASTS_MS) })
    .returning('expires_at')
    .executeTakeFirstOrThrow();
  return { code, expiresAt };
}

/**
 * Uses up a code and returns the id of its key, or null. Of two concurrent calls only the first gets the key. A key that
 * was just revoked gets no sign-in, even on a server that has not been notified yet.
 */
export async function useSignInCode(database: Database, code: string): Promise<string | null> {
  const used = await database.sql
    .deleteFrom('longhaul.sign_in_codes')
    .where('hash', '=', hash(code))
    .returning([
      'key_id',
      sql<boolean>`expires_at > now() and exists
        (select from longhaul.api_keys where id = key_id and revoked_at is null)`.as('is_good'),
    ])
    .executeTakeFirst();
  return used?.is_good === true ? used.key_id : null;
}

function makeSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** Secrets hold 256 random bits, so a plain hash hides them and finds them safely. */
function hash(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function inMs(durationMs: number) {
  return sql<Date>`now() + ${durationMs} * interval '1 millisecond'`;
}
