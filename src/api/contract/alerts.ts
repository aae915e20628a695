import { z } from '@hono/zod-openapi';
import { instant } from './output-fields.ts';

export const alertDeliverySchema = z
  .object({
    channel: z.string(),
    what: z.enum(['opened', 'repeated', 'resolved']),
    status: z.enum(['pending', 'delivered', 'failed']),
    attempts: z.int(),
    at: instant(),
    nextAttemptAt: instant().nullable(),
    deliveredAt: instant().nullable(),
    lastError: z.string().nullable(),
  })
  .openapi('AlertDelivery');

export const alertSchema = z
  .object({
    id: z.uuid(),
    key: z
      .string()
      .describe('The subject of the alert, such as `queue_depth:reader`. No two open alerts have the same key.'),
    rule: z.string(),
    severity: z.enum(['info', 'warning', 'critical']),
    state: z.enum(['open', 'resolved']),
    title: z.string(),
    detail: z.string(),
    data: z.record(z.string(), z.unknown()).describe("The rule's figures."),
    openedAt: instant(),
    lastSeenAt: instant(),
    notifiedAt: instant(),
    timesNotified: z.int(),
    resolvedAt: instant().nullable(),
    acknowledgedAt: instant().nullable(),
    acknowledgedBy: z.string().nullable().describe('The id of the API key that acknowledged the alert.'),
    deliveries: z.array(alertDeliverySchema).describe('All notifications about the alert, in order.'),
  })
  .openapi('Alert');

export type AlertResource = z.infer<typeof alertSchema>;
