import { createRoute, z } from '@hono/zod-openapi';
import { toViewer, type Caller } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { LonghaulError } from '../../core/errors.ts';
import { WEBHOOK_EVENTS } from '../../core/webhooks.ts';
import { sendTest } from '../../webhook/deliveries.ts';
import {
  createEndpoint,
  findEndpoint,
  listEndpoints,
  removeEndpoint,
  type WebhookEndpoint,
} from '../../webhook/endpoints.ts';
import { readKeySecret, rotateSecret, type WebhookSecret } from '../../webhook/secrets.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import {
  createdWebhookSchema,
  newWebhookSchema,
  webhookDeliverySchema,
  webhookSchema,
  webhookSecretSchema,
  type WebhookResource,
  type WebhookSecretResource,
} from '../contract.ts';
import { id, wholeNumber } from '../input-fields.ts';
import { checkWebhookUrl, toKeyFilter } from '../webhook-access.ts';
import { json, problems } from './answers.ts';
import { addWebhookDeliveryRoutes, toDeliveryResource } from './webhook-deliveries.ts';

/** Path parameters of a route about one webhook. */
const webhookParams = z.object({
  id: id("must be a webhook's id, a UUID").openapi({ format: 'uuid', description: "The webhook's id." }),
});

/** Adds the routes that create, list, test and delete webhooks. API keys manage the webhooks for their own runs. */
export function addWebhookRoutes(api: Api, deps: ApiDeps): void {
  const { database, config } = deps;

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/webhooks',
      summary: 'Create a webhook',
      description:
        'For API keys with `runs:write` and `runs:read`. The webhook receives an event when a run ends or waits that this key submitted and may see. The secret is shown only in this response.',
      request: { body: { required: true, content: { 'application/json': { schema: newWebhookSchema } } } },
      responses: {
        201: json(createdWebhookSchema, 'The webhook, with its secret.'),
        ...problems(400, 401, 403, 409, 413, 415),
      },
    }),
    async (context) => {
      const caller = context.get('caller');
      const { url, events = WEBHOOK_EVENTS, description = null } = context.req.valid('json');
      checkWebhookUrl(url, { path: 'url', caller, config: config.webhooks });
      const { endpoint, secret } = await createEndpoint(database, {
        keyId: caller.keyId,
        viewer: toViewer(caller),
        url,
        events: WEBHOOK_EVENTS.filter((event) => events.includes(event)),
        description,
        actor: keyActor(caller),
      });
      return context.json({ ...toWebhookResource(endpoint), secret }, 201);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/webhooks',
      summary: 'List webhooks, newest first',
      description: 'Webhooks of the calling API key. Operators see all webhooks.',
      request: {
        query: z.strictObject({
          cursor: id('must be the nextCursor of an earlier page').optional(),
          limit: wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 }),
        }),
      },
      responses: {
        200: json(z.object({ data: z.array(webhookSchema), nextCursor: z.uuid().nullable() }), 'A page of webhooks.'),
        ...problems(400, 401, 403),
      },
    }),
    async (context) => {
      const { cursor, limit } = context.req.valid('query');
      const keyId = toKeyFilter(context.get('caller'));
      const { endpoints, hasMore } = await listEndpoints(database, { keyId, before: cursor, limit });
      const nextCursor = hasMore ? (endpoints.at(-1)?.id ?? null) : null;
      return context.json({ data: endpoints.map(toWebhookResource), nextCursor }, 200);
    },
  );

  // Before the routes with an id, because `secret` is not an id.
  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/webhooks/secret',
      summary: "Read the secret for a submission's own webhookUrl",
      description:
        'The secret signs deliveries to the `webhookUrl` of a submission. Each API key has one, which is created when it is first needed and which only that key can read.',
      responses: { 200: json(webhookSecretSchema, 'The secret.'), ...problems(401, 403) },
    }),
    async (context) => {
      const caller = context.get('caller');
      toKeyFilter(caller);
      return context.json(toSecretResource(await readKeySecret(database, caller.keyId)), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/webhooks/secret/rotate',
      summary: "Rotate the secret for submissions' own webhookUrl",
      description:
        'For a day the previous secret also signs: each delivery then carries both signatures. Each further rotation within that day adds a signature, five at most; then rotation is rejected with `conflict` until the oldest secret ends.',
      responses: { 200: json(webhookSecretSchema, 'The new secret.'), ...problems(401, 403, 409) },
    }),
    async (context) => {
      const caller = context.get('caller');
      toKeyFilter(caller);
      const secret = await rotateSecret(database, { ownerId: caller.keyId, actor: keyActor(caller) });
      return context.json(toSecretResource(secret), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/webhooks/{id}',
      summary: 'Read a webhook',
      request: { params: webhookParams },
      responses: { 200: json(webhookSchema, 'The webhook.'), ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const endpoint = await findOrThrow(context.req.valid('param').id, context.get('caller'));
      return context.json(toWebhookResource(endpoint), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'delete',
      path: '/v1/webhooks/{id}',
      summary: 'Delete a webhook',
      description: 'Nothing more is sent to it.',
      request: { params: webhookParams },
      responses: { 200: json(webhookSchema, 'The deleted webhook.'), ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const caller = context.get('caller');
      const keyId = toKeyFilter(caller);
      const endpoint = await removeEndpoint(database, { id, keyId, actor: keyActor(caller) });
      if (endpoint === null) throw notFound(id);
      return context.json(toWebhookResource(endpoint), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/webhooks/{id}/test',
      summary: 'Send a test event to a webhook',
      description: 'Sends an event `webhook.test`, once. `GET /v1/webhooks/{id}/deliveries` shows the result.',
      request: { params: webhookParams },
      responses: {
        202: json(webhookDeliverySchema, 'The delivery, to be sent soon.'),
        ...problems(400, 401, 403, 404, 409),
      },
    }),
    async (context) => {
      const endpoint = await findOrThrow(context.req.valid('param').id, context.get('caller'));
      return context.json(toDeliveryResource(await sendTest(database, endpoint)), 202);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/webhooks/{id}/rotate',
      summary: "Rotate a webhook's secret",
      description:
        'The new secret is shown only in this response. For a day the previous secret also signs. When five secrets sign, rotation is rejected with `conflict` until the oldest one ends.',
      request: { params: webhookParams },
      responses: { 200: json(webhookSecretSchema, 'The new secret.'), ...problems(400, 401, 403, 404, 409) },
    }),
    async (context) => {
      const caller = context.get('caller');
      const { id } = await findOrThrow(context.req.valid('param').id, caller);
      const secret = await rotateSecret(database, { ownerId: id, actor: keyActor(caller) });
      return context.json(toSecretResource(secret), 200);
    },
  );

  addWebhookDeliveryRoutes(api, { database, findWebhook: findOrThrow });

  async function findOrThrow(id: string, caller: Caller): Promise<WebhookEndpoint> {
    const endpoint = await findEndpoint(database, { id, keyId: toKeyFilter(caller) });
    if (endpoint === null) throw notFound(id);
    return endpoint;
  }
}

function notFound(id: string): LonghaulError {
  return new LonghaulError('not_found', { message: `There is no webhook ${id}.` });
}

function toWebhookResource({ createdAt, disabledAt, events, ...endpoint }: WebhookEndpoint): WebhookResource {
  return {
    ...endpoint,
    events: [...events],
    createdAt: createdAt.toISOString(),
    disabledAt: disabledAt?.toISOString() ?? null,
  };
}

function toSecretResource({ secret, createdAt, previousUntil }: WebhookSecret): WebhookSecretResource {
  return { secret, createdAt: createdAt.toISOString(), previousUntil: previousUntil?.toISOString() ?? null };
}
