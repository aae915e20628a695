import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { recordAudit } from '../audit/record.ts';
import type { Database, Transaction } from '../db/database.ts';

/** How long the secret before signs beside a new one: receivers take either, and have so long to be given it. */
const PREVIOUS_LASTS_HOURS = 24;

/** What signs deliveries, as whoever verifies them has it. */
export interface WebhookSecret {
  readonly secret: string;
  readonly createdAt: Date;
  /** Until when the one before signs as well; null: there is none. */
  readonly previousUntil: Date | null;
}

const IS_IN_FORCE = sql`previous_until > clock_timestamp()`;

/** A new secret, as Standard Webhooks writes them: 256 random bits. */
function generateSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** Gives an endpoint its secret. */
export async function createSecret(trx: Transaction, ownerId: string): Promise<string> {
  const secret = generateSecret();
  await trx.insertInto('longhaul.webhook_secrets').values({ owner_id: ownerId, secret }).execute();
  return secret;
}

/** The secret of an API key, made now when there is none. Of two at once both get the one that was made. */
export async function readKeySecret(database: Database, keyId: string): Promise<WebhookSecret> {
  await database.sql
    .insertInto('longhaul.webhook_secrets')
    .values({ owner_id: keyId, secret: generateSecret() })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return (await findSecret(database, keyId))!;
}

/** The secret of an endpoint, or of an API key; null when there is none. */
export async function findSecret(database: Database, ownerId: string): Promise<WebhookSecret | null> {
  const { rows } = await sql<WebhookSecret>`
    select secret, created_at as "createdAt", case when ${IS_IN_FORCE} then previous_until end as "previousUntil"
      from longhaul.webhook_secrets where owner_id = ${ownerId}`.execute(database.sql);
  return rows[0] ?? null;
}

/** All that sign for an endpoint or an API key now, the newest first; none when it has none. */
export async function readSigningSecrets(database: Database, ownerId: string): Promise<string[]> {
  const { rows } = await sql<{ secret: string; previous: string | null }>`
    select secret, case when ${IS_IN_FORCE} then previous end as previous
      from longhaul.webhook_secrets where owner_id = ${ownerId}`.execute(database.sql);
  return rows.flatMap(({ secret, previous }) => (previous === null ? [secret] : [secret, previous]));
}

/** Makes a new secret for an endpoint or an API key; the one before signs beside it for a day. */
export async function rotateSecret(
  database: Database,
  { ownerId, actor }: { ownerId: string; actor: string },
): Promise<WebhookSecret> {
  await database.sql.transaction().execute(async (trx) => {
    await sql`
      insert into longhaul.webhook_secrets as held (owner_id, secret) values (${ownerId}, ${generateSecret()})
      on conflict (owner_id) do update
         set secret = excluded.secret, created_at = clock_timestamp(), previous = held.secret,
             previous_until = clock_timestamp() + ${PREVIOUS_LASTS_HOURS} * interval '1 hour'`.execute(trx);
    await recordAudit(trx, { actor, action: 'webhook.secret_rotated', subject: ownerId, data: {} });
  });
  return (await findSecret(database, ownerId))!;
}
