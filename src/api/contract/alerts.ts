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
    key: z.string().describe('What it is about, such as `queue_depth:reader`. No two open alerts share it.'),
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
    acknowledgedBy: z.string().nullable().describe('The id of the API key.'),
    deliveries: z.array(alertDeliverySchema).describe('Every telling of it, in order.'),
  })
  .openapi('Alert');

export type AlertResource = z.infer<typeof alertSchema>;
