import { MANAGED_WEBHOOK_EVENTS, toManagedBody, WEBHOOK_EVENTS } from '../../core/webhooks.ts';
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
    ...WEBHOOK_EVENTS.map((type) => {
      const summary = `A run ${toWords(type)}`;
      return [type, describe(type, { payload: 'WebhookPayload', summary, example: toPayloadExample(type) })];
    }),
    [
      'webhook.test',
      describe('webhook.test', {
        payload: 'WebhookTestPayload',
        summary: 'The webhook is tested',
        example: {
          type: 'webhook.test',
          timestamp: '2026-03-10T12:00:07.310Z',
          data: { webhookId: '019cd7b0-5555-7c41-9a54-2f6a0c1b7d11' },
        },
      }),
    ],
    [
      'managed',
      describe('managed', {
        payload: 'ManagedWebhookPayload',
        summary: 'Something happens to a managed agent or session: for webhooks of the format `anthropic`',
        example: MANAGED_EXAMPLE,
      }),
    ],
  ]);
}

const MANAGED_EXAMPLE = JSON.parse(
  toManagedBody({
    id: '019cd7b0-5555-7c41-9a54-2f6a0c1b7d11',
    type: 'session.status_idled',
    subject: 'sesn_agm2nmcvkv6edf4vif7c5sdyay',
    at: new Date('2026-03-10T12:00:07.310Z'),
  }),
) as object;

interface Described {
  /** The name of its schema. */
  readonly payload: string;
  readonly summary: string;
  readonly example: object;
}

function describe(type: string, { payload, summary, example }: Described) {
  return {
    post: {
      operationId: `on${type.replaceAll(/(?:^|\.)([a-z])/g, (_, letter: string) => letter.toUpperCase())}`,
      tags: ['Webhooks'],
      summary,
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
            schema: type === 'managed' ? toRef(payload) : { allOf: [toRef(payload), toConst(type)] },
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

function toRef(schema: string) {
  return { $ref: `#/components/schemas/${schema}` };
}

function toConst(type: string) {
  return { type: 'object', properties: { type: { type: 'string', const: type } } };
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
    ManagedWebhookPayload: {
      type: 'object',
      properties: {
        type: { type: 'string', const: 'event' },
        id: { type: 'string', format: 'uuid', description: 'The same as the header `webhook-id`.' },
        created_at: { type: 'string', format: 'date-time', description: 'The time of the event.' },
        data: {
          type: 'object',
          properties: {
            type: { type: 'string', enum: [...MANAGED_WEBHOOK_EVENTS, 'webhook.test'] },
            id: { type: 'string', description: 'The session, agent or environment: read it for its state.' },
            organization_id: { type: 'string', description: 'Always the same.' },
            workspace_id: { type: 'string', description: 'Always the same.' },
          },
          required: ['type', 'id', 'organization_id', 'workspace_id'],
        },
      },
      required: ['type', 'id', 'created_at', 'data'],
    },
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
