import type { AlertChannel } from '../../config/config.ts';
import { toWebhookHeaders } from '../../core/webhooks.ts';
import type { Channel } from './channel.ts';
import { postJson } from './post-json.ts';

/**
 * Creates a channel that posts `{ type, timestamp, data }` with the headers of Standard Webhooks, signed if there is a
 * secret.
 */
export function createWebhookChannel({ name, url, secret }: Extract<AlertChannel, { type: 'webhook' }>): Channel {
  const secrets = secret === null ? [] : [secret];
  return {
    name,
    async send({ id, what, at, alert }, signal) {
      const body = JSON.stringify({ type: `alert.${what}`, timestamp: at.toISOString(), data: alert });
      const headers = toWebhookHeaders({ id, sentAt: new Date(), body, secrets });
      await postJson({ url, body, headers, signal });
    },
  };
}
