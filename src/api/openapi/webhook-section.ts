import { WEBHOOK_EVENTS } from '../../core/webhooks.ts';
import { EXAMPLES } from './examples.ts';

const KEPT_OUT = ['prompt', 'attempts'] as const;

const HEADERS = [
  ['webhook-id', 'The same for every attempt at this delivery. Use it to deduplicate.'],
  ['webhook-timestamp', 'When this attempt was sent, in seconds since 1970.'],
  ['webhook-signature', 'A signature, or up to five for a day after each rotation: `v1,` and base64.'],
] as const;

/** Describes the requests to webhooks, for the document's `webhooks`. */
export function describeWebhooks(): Record<string, object> {
  return Object.fromEntries([
    ...WEBHOOK_EVENTS.map((type) => [type, describe(type, 'WebhookPayload', toPayloadExample(type))]),
    [
      'webhook.test',
      describe('webhook.test', 'WebhookTestPayload', {
        type: 'webhook.test',
        timestamp: '2026-03-10T12:00:07.310Z',
        data: { webhookId: '019cd7b0-5555-7c41-9a54-2f6a0c1b7d11' },
      }),
    ],
  ]);
}

function describe(type: string, payload: string, example: object) {
  return {
    post: {
      operationId: `on${type.replaceAll(/(?:^|\.)([a-z])/g, (_, letter: string) => letter.toUpperCase())}`,
      tags: ['Webhooks'],
      summary: type === 'webhook.test' ? 'The webhook is tested' : `A run ${toWords(type)}`,
      description:
        'Signed according to Standard Webhooks. Retried for about a day, until the response has a status of 200 to 299.',
      security: [],
      parameters: HEADERS.map(([name, description]) => ({
        name,
        in: 'header',
        required: true,
        description,
        schema: { type: 'string' },
      })),
      requestBody: {
        required: true,
        content: {
          'application/json': {
            schema: {
              allOf: [
                { $ref: `#/components/schemas/${payload}` },
                { type: 'object', properties: { type: { type: 'string', const: type } } },
              ],
            },
            example,
          },
        },
      },
      responses: {
        '2XX': { description: 'The delivery has arrived.' },
        '410': { description: 'The URL wants no more deliveries: the webhook is disabled.' },
      },
    },
  };
}

function toWords(type: string): string {
  const state = type.slice('run.'.length);
  return { succeeded: 'has succeeded', failed: 'has failed', cancelled: 'was cancelled' }[state] ?? 'waits';
}

function toPayloadExample(type: string) {
  const run = { ...(EXAMPLES['Run'] as Record<string, unknown>), status: type.slice('run.'.length) };
  return {
    type,
    timestamp: '2026-03-10T12:00:07.310Z',
    data: { run: leaveOut(run, KEPT_OUT), isTruncated: false },
  };
}

/** Describes the payloads. Their schemas are based on the schema of a run. */
export function describeWebhookPayloads(runSchema: RunSchema): Record<string, object> {
  const run = {
    ...runSchema,
    properties: leaveOut(runSchema.properties, KEPT_OUT),
    required: runSchema.required.filter((name) => !KEPT_OUT.some((kept) => kept === name)),
  };
  return {
    WebhookRun: {
      ...run,
      description: 'A run without its long fields. `result` has at most its first 16,000 characters.',
    },
    WebhookPayload: toPayload([...WEBHOOK_EVENTS], {
      type: 'object',
      properties: {
        run: { $ref: '#/components/schemas/WebhookRun' },
        isTruncated: { type: 'boolean', description: 'True when `result` was cut or `structuredOutput` was left out.' },
      },
      required: ['run', 'isTruncated'],
    }),
    WebhookTestPayload: toPayload(['webhook.test'], {
      type: 'object',
      properties: { webhookId: { type: 'string', format: 'uuid' } },
      required: ['webhookId'],
    }),
  };
}

interface RunSchema {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
}

function toPayload(types: readonly string[], data: object) {
  return {
    type: 'object',
    properties: {
      type: { type: 'string', enum: types },
      timestamp: { type: 'string', format: 'date-time', description: 'The time of the event.' },
      data,
    },
    required: ['type', 'timestamp', 'data'],
  };
}

function leaveOut(value: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}
