import { sql, type Selectable } from 'kysely';
import { LonghaulError } from '../core/errors.ts';
import { createId } from '../core/ids.ts';
import { toManagedBody, WEBHOOK_ATTEMPTS } from '../core/webhooks.ts';
import { CHANNELS, type Database } from '../db/database.ts';
import type { WebhookTables } from '../db/tables/webhooks.ts';
import type { KeyFilter, WebhookEndpoint } from './endpoints.ts';

/** A delivery of one message to one address. */
export interface WebhookDelivery {
  /** The `webhook-id` of all its attempts. */
  readonly id: string;
  /** The endpoint; null for the address that the submission named. */
  readonly webhookId: string | null;
  /** The run that it is about; null: it is about no run. */
  readonly runId: string | null;
  /** The managed session that it is about; null: it is about none. */
  readonly sessionId: string | null;
  readonly type: string;
  readonly url: string;
  readonly status: 'pending' | 'delivered' | 'failed';
  readonly attempts: number;
  readonly createdAt: Date;
  readonly lastAttemptAt: Date | null;
  /** Null when it was delivered or has failed. */
  readonly nextAttemptAt: Date | null;
  readonly deliveredAt: Date | null;
  /** The status of the last response; null when there was none. */
  readonly responseStatus: number | null;
  /** The reason why the last attempt failed. */
  readonly error: string | null;
  /** The beginning of the response to the last attempt. */
  readonly responseText: string | null;
}

interface ListOptions {
  readonly keyId: KeyFilter;
  /** The deliveries to an endpoint, or of a run. */
  readonly of: { readonly endpointId: string } | { readonly runId: string };
  readonly status?: WebhookDelivery['status'] | undefined;
  readonly before?: string | undefined;
  readonly limit: number;
}

/**
 * Reads a page of deliveries, newest first, and whether there are more. The caller has checked that the run is visible.
 */
export async function listDeliveries(
  database: Database,
  { keyId, of, status, before, limit }: ListOptions,
): Promise<{ deliveries: WebhookDelivery[]; hasMore: boolean }> {
  const [column, value] =
    'endpointId' in of ? (['endpoint_id', of.endpointId] as const) : (['run_id', of.runId] as const);
  const rows = await database.sql
    .selectFrom('longhaul.webhook_deliveries')
    .selectAll()
    .where(column, '=', value)
    .$if(keyId !== null, (deliveries) => deliveries.where('key_id', '=', keyId!))
    .$if(status !== undefined, (deliveries) => deliveries.where('status', '=', status!))
    .$if(before !== undefined, (deliveries) => deliveries.where('id', '<', before!))
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return { deliveries: rows.slice(0, limit).map(toDelivery), hasMore: rows.length > limit };
}

/**
 * Sends a delivery again, with the same id and body, and retries for a day until it is accepted. Waits for an attempt
 * that is in progress, and is made if that one fails. Null when the caller has no such delivery.
 * @throws {LonghaulError} `conflict` when its endpoint was deleted.
 */
export async function redeliver(
  database: Database,
  { id, keyId }: { id: string; keyId: KeyFilter },
): Promise<WebhookDelivery | null> {
  return database.sql.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('longhaul.webhook_deliveries')
      .selectAll()
      .where('id', '=', id)
      .$if(keyId !== null, (deliveries) => deliveries.where('key_id', '=', keyId!))
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) return null;
    const endpoint =
      row.endpoint_id === null
        ? null
        : await trx
            .selectFrom('longhaul.webhook_endpoints')
            .select('disabled_at')
            .where('id', '=', row.endpoint_id)
            .executeTakeFirst();
    if (endpoint === undefined) throw new LonghaulError('conflict', { message: 'Its webhook was removed.' });
    if (endpoint?.disabled_at) throw isDisabled();
    const { rows } = await sql<Selectable<WebhookTables['longhaul.webhook_deliveries']>>`
      update longhaul.webhook_deliveries
         set status = 'pending', attempts_left = ${WEBHOOK_ATTEMPTS}, next_attempt_at = clock_timestamp()
       where id = ${id} returning *`.execute(trx);
    await sql`select pg_notify(${CHANNELS.webhooks}, '')`.execute(trx);
    return toDelivery(rows[0]!);
  });
}

/**
 * Sends a test to an endpoint: an event `webhook.test`.
 * @throws {LonghaulError} `conflict` when it is disabled.
 */
export async function sendTest(database: Database, endpoint: WebhookEndpoint): Promise<WebhookDelivery> {
  if (endpoint.disabledAt !== null) throw isDisabled();
  const type = 'webhook.test';
  const id = createId();
  const at = new Date();
  const body =
    endpoint.format === 'anthropic'
      ? toManagedBody({ id, type, subject: endpoint.id, at })
      : JSON.stringify({ type, timestamp: at.toISOString(), data: { webhookId: endpoint.id } });
  return database.sql.transaction().execute(async (trx) => {
    const row = await trx
      .insertInto('longhaul.webhook_deliveries')
      .values({
        id,
        run_id: null,
        endpoint_id: endpoint.id,
        key_id: endpoint.keyId,
        type,
        url: endpoint.url,
        body,
        lane: endpoint.id,
        // A single attempt: a person waits for the result.
        attempts_left: 1,
      })
      .returningAll()
      .executeTakeFirstOrThrow();
    await sql`select pg_notify(${CHANNELS.webhooks}, '')`.execute(trx);
    return toDelivery(row);
  });
}

function isDisabled(): LonghaulError {
  return new LonghaulError('conflict', {
    message: 'This webhook has answered 410 Gone and is disabled. Remove it and create another.',
  });
}

function toDelivery(row: Selectable<WebhookTables['longhaul.webhook_deliveries']>): WebhookDelivery {
  return {
    id: row.id,
    webhookId: row.endpoint_id,
    runId: row.run_id,
    sessionId: row.session_id,
    type: row.type,
    url: row.url,
    status: row.status,
    attempts: row.attempts,
    createdAt: row.created_at,
    lastAttemptAt: row.last_attempt_at,
    nextAttemptAt: row.status === 'pending' ? row.next_attempt_at : null,
    deliveredAt: row.delivered_at,
    responseStatus: row.response_status,
    error: row.last_error,
    responseText: row.response_text,
  };
}
