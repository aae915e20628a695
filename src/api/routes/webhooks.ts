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

/** The webhook that an address names. */
const webhookParams = z.object({
  id: id("must be a webhook's id, a UUID").openapi({ format: 'uuid', description: "The webhook's id." }),
});

/** Addresses that are told of runs: made, listed, tried and removed by the API keys whose runs they hear of. */
export function addWebhookRoutes(api: Api, deps: ApiDeps): void {
  const { database, config } = deps;

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/webhooks',
      summary: 'Have an address told when runs end or wait',
      description:
        'For API keys with `runs:write` and `runs:read`. It hears of the runs that this key submits, of those alone that it may see. The secret is in the answer and nowhere else.',
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
      description: "Those of the API key that asks; for operators everybody's.",
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

  // Before those that name a webhook: `secret` is none.
  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/webhooks/secret',
      summary: "Read what signs for a submission's own webhookUrl",
      description: 'One secret for each API key, made when it is first needed. For that key alone.',
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
      summary: "Replace what signs for submissions' own webhookUrl",
      description:
        'For a day the secret before signs as well: each delivery then carries both signatures. Replaced again within that day it carries one more; five at most, then it is refused with `conflict` until the oldest ends.',
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
      summary: 'Remove a webhook: nothing more is sent to it',
      request: { params: webhookParams },
      responses: { 200: json(webhookSchema, 'The webhook as it was.'), ...problems(400, 401, 403, 404) },
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
      summary: 'Send a webhook something to try it with',
      description: 'An event `webhook.test`, once. `GET /v1/webhooks/{id}/deliveries` says how it went.',
      request: { params: webhookParams },
      responses: { 202: json(webhookDeliverySchema, 'It is on its way.'), ...problems(400, 401, 403, 404, 409) },
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
      summary: "Replace a webhook's secret",
      description:
        'The new one is in the answer and nowhere else. For a day the one before signs as well. When five sign it is refused with `conflict` until the oldest ends.',
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
