import type { z } from 'zod';
import type { WebhooksConfig } from './config.ts';
import type { webhooksSchema } from './webhooks-schema.ts';

/** Returns the targets that webhooks may have, with every default in place. */
export function resolveWebhooks(webhooks: z.input<typeof webhooksSchema>): WebhooksConfig {
  return {
    allowHttp: webhooks.allowHttp ?? false,
    allowPrivateAddresses: webhooks.allowPrivateAddresses ?? false,
    allow: (webhooks.allow ?? []).map((place) => place.toLowerCase()),
  };
}
