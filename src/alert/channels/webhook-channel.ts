import { Webhook } from 'standardwebhooks';
import type { AlertChannel } from '../../config/config.ts';
import type { Channel } from './channel.ts';
import { postJson } from './post-json.ts';

/** Posts `{ type, timestamp, data }` with the headers of Standard Webhooks, signed when there is a secret. */
export function createWebhookChannel({ name, url, secret }: Extract<AlertChannel, { type: 'webhook' }>): Channel {
  const signer = secret === null ? null : new Webhook(secret);
  return {
    name,
    async send({ id, what, at, alert }, signal) {
      const body = JSON.stringify({ type: `alert.${what}`, timestamp: at.toISOString(), data: alert });
      // By this machine's clock, whatever clock the rules follow: receivers refuse what is minutes old.
      const sentAt = new Date();
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
        ...(signer !== null && { 'webhook-signature': signer.sign(id, sentAt, body) }),
      };
      await postJson({ url, body, headers, signal });
    },
  };
}
