import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { recordAudit } from '../audit/record.ts';
import { LonghaulError } from '../core/errors.ts';
import type { Database, Transaction } from '../db/database.ts';

/**
 * Hours for which a replaced secret signs beside the new one: receivers accept either, and operators have this time to
 * deploy the new one.
 */
const FORMER_LASTS_HOURS = 24;

/** Most secrets that sign at once, including the newest. */
const MOST_SECRETS = 5;

/** The secret that signs deliveries, in the form that receivers verify with. */
export interface WebhookSecret {
  readonly secret: string;
  readonly createdAt: Date;
  /** Time until which the previous secret also signs; null: there is none. */
  readonly previousUntil: Date | null;
}

const IS_IN_FORCE = sql`signs_until > clock_timestamp()`;

/** Generates a secret in the format of Standard Webhooks: 256 random bits. */
function generateSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** Creates the secret of an endpoint. */
export async function createSecret(trx: Transaction, ownerId: string): Promise<string> {
  const secret = generateSecret();
  await trx.insertInto('longhaul.webhook_secrets').values({ owner_id: ownerId, secret }).execute();
  return secret;
}

/** Returns the secret of an API key, and creates it when none exists. Of two at once both get the same secret. */
export async function readKeySecret(database: Database, keyId: string): Promise<WebhookSecret> {
  await database.sql
    .insertInto('longhaul.webhook_secrets')
    .values({ owner_id: keyId, secret: generateSecret() })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { rows } = await sql<WebhookSecret>`
    select secret, created_at as "createdAt",
           (select max(signs_until) from longhaul.webhook_former_secrets
             where owner_id = stored.owner_id and ${IS_IN_FORCE}) as "previousUntil"
      from longhaul.webhook_secrets as stored where owner_id = ${keyId}`.execute(database.sql);
  return rows[0]!;
}

/** Reads the secrets that sign for an endpoint or an API key now, the newest first; none when it has none. */
export async function readSigningSecrets(database: Database, ownerId: string): Promise<string[]> {
  const { rows } = await sql<{ secret: string }>`
    select secret from (
      select secret, 'infinity'::timestamptz as signs_until from longhaul.webhook_secrets where owner_id = ${ownerId}
      union all
      select secret, signs_until from longhaul.webhook_former_secrets where owner_id = ${ownerId} and ${IS_IN_FORCE}
    ) as signing order by signs_until desc`.execute(database.sql);
  return rows.map(({ secret }) => secret);
}

/**
 * Creates a new secret for an endpoint or an API key. The previous one signs beside it for a day, as do earlier ones
 * until their own day has ended.
 * @throws {LonghaulError} `conflict` when five sign already.
 */
export async function rotateSecret(
  database: Database,
  { ownerId, actor }: { ownerId: string; actor: string },
): Promise<WebhookSecret> {
  return database.sql.transaction().execute(async (trx) => {
    const secret = generateSecret();
    // Locks the row, or inserts it: of two at once the second waits, and replaces the first one's secret.
    const {
      rows: [stored],
    } = await sql<{ secret: string; createdAt: Date }>`
      insert into longhaul.webhook_secrets as stored (owner_id, secret) values (${ownerId}, ${secret})
      on conflict (owner_id) do update set secret = stored.secret
      returning secret, created_at as "createdAt"`.execute(trx);
    await recordAudit(trx, { actor, action: 'webhook.secret_rotated', subject: ownerId, data: {} });
    if (stored!.secret === secret) return { ...stored!, previousUntil: null };
    await refuseTooMany(trx, ownerId);
    const {
      rows: [rotated],
    } = await sql<WebhookSecret>`
      with former as (
        insert into longhaul.webhook_former_secrets (secret, owner_id, signs_until)
        values (${stored!.secret}, ${ownerId}, clock_timestamp() + ${sql.lit(FORMER_LASTS_HOURS)} * interval '1 hour')
        returning signs_until)
      update longhaul.webhook_secrets set secret = ${secret}, created_at = clock_timestamp()
       where owner_id = ${ownerId}
      returning secret, created_at as "createdAt", (select signs_until from former) as "previousUntil"`.execute(trx);
    return rotated!;
  });
}

/** Counts after the lock, and deletes secrets that no longer sign. */
async function refuseTooMany(trx: Transaction, ownerId: string): Promise<void> {
  await sql`delete from longhaul.webhook_former_secrets where owner_id = ${ownerId} and not (${IS_IN_FORCE})`.execute(
    trx,
  );
  const { rows } = await sql<{ signs_until: Date }>`
    select signs_until from longhaul.webhook_former_secrets where owner_id = ${ownerId} order by signs_until`.execute(
    trx,
  );
  if (rows.length < MOST_SECRETS - 1) return;
  throw new LonghaulError('conflict', {
    message: `${MOST_SECRETS} secrets sign already, and each must sign for a day. Replace the newest after ${rows[0]!.signs_until.toISOString()}, when the oldest expires.`,
  });
}
