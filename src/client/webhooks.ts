import type {
  CreatedWebhookResource,
  NewWebhook,
  WebhookDeliveryResource,
  WebhookResource,
  WebhookSecretResource,
} from '../api/contract.ts';
import { jsonBody } from './json-body.ts';
import type { Transport } from './transport.ts';

export interface WebhookPage {
  /** Newest first. */
  readonly data: WebhookResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Selects the deliveries to list: those to a webhook, or those of a run. */
export type DeliveryFilter = ({ readonly webhookId: string } | { readonly runId: string }) & {
  readonly status?: WebhookDeliveryResource['status'] | undefined;
  /** The `nextCursor` of an earlier page. */
  readonly cursor?: string | undefined;
  /** Deliveries per page, 1 to 200. Defaults to 50. */
  readonly limit?: number | undefined;
};

export interface DeliveryPage {
  /** Newest first. */
  readonly data: WebhookDeliveryResource[];
  /** Continues the list; null on the last page. */
  readonly nextCursor: string | null;
}

/** Methods for webhooks. */
export interface WebhookMethods {
  /** Creates a webhook for the ends and waits of this key's runs, or for managed agents; `secret` in the answer is not shown again. */
  createWebhook(webhook: NewWebhook): Promise<CreatedWebhookResource>;
  /** Lists webhooks, newest first, one page at a time. */
  webhooks(filter?: { cursor?: string | undefined; limit?: number | undefined }): Promise<WebhookPage>;
  /** Deletes a webhook; returns its last state. */
  removeWebhook(id: string): Promise<WebhookResource>;
  /** Sends a test message to a webhook. */
  testWebhook(id: string): Promise<WebhookDeliveryResource>;
  /** Lists the deliveries to a webhook, or of a run, newest first, one page at a time. */
  deliveries(filter: DeliveryFilter): Promise<DeliveryPage>;
  /** Repeats a delivery. */
  redeliver(id: string): Promise<WebhookDeliveryResource>;
  /** Reads the secret that signs messages to a submission's own `webhookUrl`. */
  webhookSecret(): Promise<WebhookSecretResource>;
}

export function createWebhookMethods({ requestJson, toQuery }: Transport): WebhookMethods {
  return {
    createWebhook: (webhook) => requestJson('/v1/webhooks', jsonBody('POST', webhook)),
    webhooks: (filter = {}) => requestJson(`/v1/webhooks${toQuery({ ...filter })}`),
    removeWebhook: (id) => requestJson(`/v1/webhooks/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    testWebhook: (id) => requestJson(`/v1/webhooks/${encodeURIComponent(id)}/test`, { method: 'POST' }),
    deliveries(filter) {
      const { status, cursor, limit } = filter;
      const of =
        'webhookId' in filter
          ? `/v1/webhooks/${encodeURIComponent(filter.webhookId)}`
          : `/v1/runs/${encodeURIComponent(filter.runId)}`;
      return requestJson(`${of}/deliveries${toQuery({ status, cursor, limit })}`);
    },
    redeliver: (id) => requestJson(`/v1/webhooks/deliveries/${encodeURIComponent(id)}/redeliver`, { method: 'POST' }),
    webhookSecret: () => requestJson('/v1/webhooks/secret'),
  };
}
