import type { Selectable } from 'kysely';
import { recordAudit } from '../audit/record.ts';
import { LonghaulError } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import type { ManagedWebhookEvent, WebhookEvent, WebhookFormat } from '../core/webhooks.ts';
import type { Database, Transaction } from '../db/database.ts';
import type { WebhookTables } from '../db/tables/webhooks.ts';
import type { Viewer } from '../run/viewer.ts';
import { createSecret } from './secrets.ts';

/** Most endpoints of one API key. */
const MOST_ENDPOINTS = 20;

/** An address that receives the events of an API key's runs, or of the managed agents and sessions that the key may see. */
export interface WebhookEndpoint {
  readonly id: string;
  /** The API key that created it: it receives the events of runs that this key submits, or of what this key may see. */
  readonly keyId: string;
  readonly url: string;
  readonly format: WebhookFormat;
  /** Events of its format. */
  readonly events: readonly (WebhookEvent | ManagedWebhookEvent)[];
  readonly description: string | null;
  readonly createdAt: Date;
  /** Time at which it answered `410 Gone`; null: it is in use. */
  readonly disabledAt: Date | null;
}

interface NewEndpoint {
  readonly keyId: string;
  /** The user or team that the key is bound to. */
  readonly viewer: Viewer;
  readonly url: string;
  readonly format: WebhookFormat;
  /** Events of the format. */
  readonly events: WebhookEndpoint['events'];
  readonly description: string | null;
  /** For the audit record. */
  readonly actor: string;
}

/** Limits endpoints and deliveries to those of one API key; null: no limit. */
export type KeyFilter = string | null;

/**
 * Creates an endpoint; returns it with the secret that signs its deliveries.
 * @throws {LonghaulError} `conflict` when the API key has reached its limit of endpoints.
 */
export async function createEndpoint(
  database: Database,
  { keyId, viewer, url, format, events, description, actor }: NewEndpoint,
): Promise<{ endpoint: WebhookEndpoint; secret: string }> {
  return database.sql.transaction().execute(async (trx) => {
    // Of two at once the second waits, and counts the first.
    await trx.selectFrom('longhaul.api_keys').select('id').where('id', '=', keyId).forUpdate().execute();
    await refuseTooMany(trx, keyId);
    const id = createId();
    const row = await trx
      .insertInto('longhaul.webhook_endpoints')
      .values({
        id,
        key_id: keyId,
        user_id: viewer.user,
        team: viewer.team,
        url,
        format,
        events: [...events],
        description,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    const secret = await createSecret(trx, id);
    await recordAudit(trx, {
      actor,
      action: 'webhook.created',
      subject: id,
      data: { host: toHost(url), format, events },
    });
    return { endpoint: toEndpoint(row), secret };
  });
}

/** Reads a page of endpoints, newest first, and whether there are more. */
export async function listEndpoints(
  database: Database,
  { keyId, before, limit }: { keyId: KeyFilter; before?: string | undefined; limit: number },
): Promise<{ endpoints: WebhookEndpoint[]; hasMore: boolean }> {
  const rows = await database.sql
    .selectFrom('longhaul.webhook_endpoints')
    .selectAll()
    .$if(keyId !== null, (endpoints) => endpoints.where('key_id', '=', keyId))
    .$if(before !== undefined, (endpoints) => endpoints.where('id', '<', before!))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return { endpoints: rows.slice(0, limit).map(toEndpoint), hasMore: rows.length > limit };
}

/** Reads the endpoint with this id; null when the caller has none. */
export async function findEndpoint(
  database: Database,
  { id, keyId }: { id: string; keyId: KeyFilter },
): Promise<WebhookEndpoint | null> {
  const row = await database.sql
    .selectFrom('longhaul.webhook_endpoints')
    .selectAll()
    .where('id', '=', id)
    .$if(keyId !== null, (endpoints) => endpoints.where('key_id', '=', keyId))
    .executeTakeFirst();
  return row === undefined ? null : toEndpoint(row);
}

/** Deletes an endpoint with its secret: it receives nothing more. Its deliveries stay listed with their runs. */
export async function removeEndpoint(
  database: Database,
  { id, keyId, actor }: { id: string; keyId: KeyFilter; actor: string },
): Promise<WebhookEndpoint | null> {
  return database.sql.transaction().execute(async (trx) => {
    const row = await trx
      .deleteFrom('longhaul.webhook_endpoints')
      .where('id', '=', id)
      .$if(keyId !== null, (endpoints) => endpoints.where('key_id', '=', keyId))
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) return null;
    await trx.deleteFrom('longhaul.webhook_secrets').where('owner_id', '=', id).execute();
    await recordAudit(trx, { actor, action: 'webhook.removed', subject: id, data: { host: toHost(row.url) } });
    return toEndpoint(row);
  });
}

async function refuseTooMany(trx: Transaction, keyId: string): Promise<void> {
  const rows = await trx
    .selectFrom('longhaul.webhook_endpoints')
    .select('id')
    .where('key_id', '=', keyId)
    .limit(MOST_ENDPOINTS)
    .execute();
  if (rows.length < MOST_ENDPOINTS) return;
  throw new LonghaulError('conflict', {
    message: `This API key already has ${MOST_ENDPOINTS} webhooks, which is the limit. Remove one first.`,
  });
}

/** Returns the part of an address that may be logged: its path and query may be a secret. */
function toHost(url: string): string {
  return new URL(url).host;
}

function toEndpoint(row: Selectable<WebhookTables['longhaul.webhook_endpoints']>): WebhookEndpoint {
  return {
    id: row.id,
    keyId: row.key_id,
    url: row.url,
    format: row.format,
    events: row.events as (WebhookEvent | ManagedWebhookEvent)[],
    description: row.description,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
  };
}
