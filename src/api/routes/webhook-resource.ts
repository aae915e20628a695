import type { Caller } from '../../access/caller.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { Database } from '../../db/database.ts';
import type { WebhookDelivery } from '../../webhook/deliveries.ts';
import { findEndpoint, type WebhookEndpoint } from '../../webhook/endpoints.ts';
import type { WebhookDeliveryResource, WebhookResource } from '../contract.ts';
import { toKeyFilter } from '../webhook-access.ts';
import { idParams } from './requests.ts';

/** Path parameters of a route about one webhook. */
export const webhookParams = idParams('a webhook');

/**
 * Reads a webhook that the caller may use.
 * @throws {LonghaulError} `not_found`; `forbidden` for a token.
 */
export async function requireWebhook(
  database: Database,
  { id, caller }: { id: string; caller: Caller },
): Promise<WebhookEndpoint> {
  const endpoint = await findEndpoint(database, { id, keyId: toKeyFilter(caller) });
  if (endpoint === null) throw webhookNotFound(id);
  return endpoint;
}

export function webhookNotFound(id: string): LonghaulError {
  return new LonghaulError('not_found', { message: `There is no webhook ${id}.` });
}

/** Converts a webhook for the API. */
export function toWebhookResource({ createdAt, disabledAt, events, ...endpoint }: WebhookEndpoint): WebhookResource {
  return {
    ...endpoint,
    events: [...events],
    createdAt: createdAt.toISOString(),
    disabledAt: disabledAt?.toISOString() ?? null,
  };
}

/** Converts a delivery for the API. */
export function toDeliveryResource(delivery: WebhookDelivery): WebhookDeliveryResource {
  const { createdAt, lastAttemptAt, nextAttemptAt, deliveredAt, type, ...rest } = delivery;
  return {
    ...rest,
    type: type as WebhookDeliveryResource['type'],
    createdAt: createdAt.toISOString(),
    lastAttemptAt: lastAttemptAt?.toISOString() ?? null,
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
    deliveredAt: deliveredAt?.toISOString() ?? null,
  };
}
