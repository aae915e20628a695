import { Webhook } from 'standardwebhooks';

/** What a webhook can be told of. Stored data and part of the contract: one is chosen once and never renamed. */
export const WEBHOOK_EVENTS = ['run.succeeded', 'run.failed', 'run.cancelled', 'run.waiting'] as const;

export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/**
 * The waits after each attempt that failed, in seconds: about a day in all, as Standard Webhooks advises. After the last
 * comes one attempt more.
 */
export const WEBHOOK_DELAYS_SECONDS = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800] as const;

/** Attempts that a delivery is given. */
export const WEBHOOK_ATTEMPTS = WEBHOOK_DELAYS_SECONDS.length + 1;

interface SignOptions {
  readonly id: string;
  /** By this machine's clock: receivers refuse what is minutes old. */
  readonly sentAt: Date;
  readonly body: string;
  /** Each signs. None: it goes unsigned. */
  readonly secrets: readonly string[];
}

/** The headers of a Standard Webhook. */
export function toWebhookHeaders({ id, sentAt, body, secrets }: SignOptions): Record<string, string> {
  const signatures = secrets.map((secret) => new Webhook(secret).sign(id, sentAt, body));
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1_000)),
    ...(signatures.length > 0 && { 'webhook-signature': signatures.join(' ') }),
  };
}
