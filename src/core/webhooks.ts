import { Webhook } from 'standardwebhooks';

/**
 * Events that a webhook can subscribe to. Stored data and part of the contract: a name is chosen once and never
 * renamed.
 */
export const WEBHOOK_EVENTS = ['run.succeeded', 'run.failed', 'run.cancelled', 'run.waiting'] as const;

export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/**
 * Seconds to wait after each failed attempt: about a day in total, as Standard Webhooks advises. Another attempt
 * follows the last wait.
 */
export const WEBHOOK_DELAYS_SECONDS = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800] as const;

/** Maximum number of attempts of a delivery. */
export const WEBHOOK_ATTEMPTS = WEBHOOK_DELAYS_SECONDS.length + 1;

interface SignOptions {
  readonly id: string;
  /** By this machine's clock: receivers reject a message that is minutes old. */
  readonly sentAt: Date;
  readonly body: string;
  /** Each secret adds a signature. None: the message is unsigned. */
  readonly secrets: readonly string[];
}

/** Returns the headers of a Standard Webhook. */
export function toWebhookHeaders({ id, sentAt, body, secrets }: SignOptions): Record<string, string> {
  const signatures = secrets.map((secret) => new Webhook(secret).sign(id, sentAt, body));
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
    ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
  };
}
