import { z } from '@hono/zod-openapi';
import { EVENTS_OF_FORMAT, MANAGED_WEBHOOK_EVENTS, WEBHOOK_EVENTS, WEBHOOK_FORMATS } from '../../core/webhooks.ts';
import { text } from '../input-fields.ts';
import { instant } from './output-fields.ts';

/** The events of every format. */
const EVENTS = [...WEBHOOK_EVENTS, ...MANAGED_WEBHOOK_EVENTS] as const;

const EXAMPLE_ID = '01968a3e-7b2c-7d40-9f7a-5d2e8c1b4a6f';

/** The schema of a webhook URL. The configuration decides which URLs are allowed. */
export const webhookUrl = () => text().min(1, 'must not be empty').max(2_000, 'must have at most 2000 characters');

export const newWebhookSchema = z
  .strictObject(
    {
      url: webhookUrl().describe('The URL to post to: https, and not in a private network unless that is allowed.'),
      format: z
        .enum(WEBHOOK_FORMATS, `must be one of ${WEBHOOK_FORMATS.join(', ')}`)
        .optional()
        .describe(
          'The form of the messages, and so the events. `longhaul`: of runs. `anthropic`: of managed agents and their sessions, as `client.beta.webhooks.unwrap` of the official Anthropic client expects them. Defaults to `longhaul`.',
        ),
      events: z
        .array(z.enum(EVENTS, `must be one of ${EVENTS.join(', ')}`), 'must be a list of event types')
        .min(1, 'must name at least one event')
        .max(EVENTS.length, `must name at most ${EVENTS.length} events`)
        .optional()
        .describe('The event types to deliver, each of the format. Defaults to all of the format.'),
      description: text()
        .max(200, 'must have at most 200 characters')
        .optional()
        .describe('A description for people. Defaults to none.'),
    },
    'must be an object',
  )
  .superRefine(({ format = 'longhaul', events = [] }, context) => {
    const known: readonly string[] = EVENTS_OF_FORMAT[format];
    for (const [index, event] of events.entries()) {
      if (known.includes(event)) continue;
      const message = `must be one of ${known.join(', ')}: the format is ${format}`;
      context.addIssue({ code: 'custom', path: ['events', index], message });
    }
  })
  .openapi('NewWebhook', {
    example: { url: 'https://shop.example.com/hooks/longhaul', events: ['run.succeeded', 'run.failed'] },
  });

export const webhookSchema = z
  .object({
    id: z.uuid(),
    keyId: z
      .uuid()
      .describe(
        'The API key that created the webhook. The webhook receives events of the runs that this key submits or, in the format `anthropic`, of the managed agents and sessions that it may see.',
      ),
    url: z.string(),
    format: z.enum(WEBHOOK_FORMATS).describe('The form of the messages.'),
    events: z.array(z.enum(EVENTS)),
    description: z.string().nullable(),
    createdAt: instant(),
    disabledAt: instant()
      .nullable()
      .describe('When the webhook was disabled because it answered `410 Gone`; null while it is in use.'),
  })
  .openapi('Webhook', {
    example: {
      id: EXAMPLE_ID,
      keyId: '01968a3e-0000-7d40-9f7a-5d2e8c1b4a6f',
      url: 'https://shop.example.com/hooks/longhaul',
      format: 'longhaul',
      events: ['run.succeeded', 'run.failed'],
      description: null,
      createdAt: '2026-01-31T09:00:00.000Z',
      disabledAt: null,
    },
  });

export const createdWebhookSchema = webhookSchema
  .extend({ secret: z.string().describe('The secret that signs its deliveries. Shown only once.') })
  .openapi('CreatedWebhook');

export const webhookSecretSchema = z
  .object({
    secret: z.string().describe('In the format of Standard Webhooks: `whsec_` and base64.'),
    createdAt: instant(),
    previousUntil: instant()
      .nullable()
      .describe('Until when the previous secret also signs (older ones end earlier); null when there is none.'),
  })
  .openapi('WebhookSecret', {
    example: {
      secret: 'whsec_bG9uZ2hhdWwtZXhhbXBsZS1zZWNyZXQtMDEyMzQ1Njc=',
      createdAt: '2026-01-31T09:00:00.000Z',
      previousUntil: null,
    },
  });

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const;

export const webhookDeliverySchema = z
  .object({
    id: z.uuid().describe('The `webhook-id` header of all its attempts.'),
    webhookId: z.uuid().nullable().describe('Null when the delivery goes to the `webhookUrl` of a submission.'),
    runId: z.uuid().nullable().describe('The run that it is about; null for a test, and in the format `anthropic`.'),
    sessionId: z.uuid().nullable().describe('The managed session that it is about; null when it is about none.'),
    type: z.enum([...EVENTS, 'webhook.test']),
    url: z.string(),
    status: z.enum(DELIVERY_STATUSES),
    attempts: z.int(),
    createdAt: instant(),
    lastAttemptAt: instant().nullable(),
    nextAttemptAt: instant().nullable().describe('Null once the delivery has succeeded or failed.'),
    deliveredAt: instant().nullable(),
    responseStatus: z.int().nullable().describe('The HTTP status of the last response; null when there was none.'),
    error: z.string().nullable().describe('Why the last attempt failed.'),
    responseText: z.string().nullable().describe('The beginning of the last response body, with keys masked.'),
  })
  .openapi('WebhookDelivery', {
    example: {
      id: EXAMPLE_ID,
      webhookId: '01968a3e-1111-7d40-9f7a-5d2e8c1b4a6f',
      runId: '01968a3e-2222-7d40-9f7a-5d2e8c1b4a6f',
      sessionId: null,
      type: 'run.succeeded',
      url: 'https://shop.example.com/hooks/longhaul',
      status: 'pending',
      attempts: 1,
      createdAt: '2026-01-31T09:00:00.000Z',
      lastAttemptAt: '2026-01-31T09:00:00.100Z',
      nextAttemptAt: '2026-01-31T09:00:05.100Z',
      deliveredAt: null,
      responseStatus: 503,
      error: 'answered 503',
      responseText: 'upstream unavailable',
    },
  });

export type NewWebhook = z.input<typeof newWebhookSchema>;
export type WebhookResource = z.infer<typeof webhookSchema>;
export type CreatedWebhookResource = z.infer<typeof createdWebhookSchema>;
export type WebhookSecretResource = z.infer<typeof webhookSecretSchema>;
export type WebhookDeliveryResource = z.infer<typeof webhookDeliverySchema>;
