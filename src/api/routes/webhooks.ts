import { z } from '@hono/zod-openapi';
import { toViewer } from '../../access/caller.ts';
import { keyActor } from '../../audit/actors.ts';
import { EVENTS_OF_FORMAT } from '../../core/webhooks.ts';
import { sendTest } from '../../webhook/deliveries.ts';
import { createEndpoint, listEndpoints, removeEndpoint } from '../../webhook/endpoints.ts';
import { createdWebhookSchema, newWebhookSchema, webhookDeliverySchema, webhookSchema } from '../contract.ts';
import { route } from '../route.ts';
import { checkWebhookUrl, toKeyFilter } from '../webhook-access.ts';
import { json, problems } from './answers.ts';
import { pageOf, pageQuery, toNextCursor } from './pages.ts';
import { jsonBody } from './requests.ts';
import {
  requireWebhook,
  toDeliveryResource,
  toWebhookResource,
  webhookNotFound,
  webhookParams,
} from './webhook-resource.ts';

export const createWebhook = route(
  {
    method: 'post',
    path: '/v1/webhooks',
    operationId: 'createWebhook',
    tag: 'Webhooks',
    access: 'runs:write',
    summary: 'Create a webhook',
    description:
      'For API keys with `runs:write` and `runs:read`. The webhook receives an event when a run ends or waits that this key submitted and may see; in the format `anthropic`, an event of each session of managed agents that this key may see. The secret is shown only in this response.',
    request: { body: jsonBody(newWebhookSchema) },
    responses: {
      201: json(createdWebhookSchema, 'The webhook, with its secret.'),
      ...problems(400, 401, 403, 409, 413, 415),
    },
  },
  async (context, { config, database }) => {
    const caller = context.get('caller');
    const { url, format = 'longhaul', description = null, events } = context.req.valid('json');
    checkWebhookUrl(url, { path: 'url', caller, config: config.webhooks });
    const { endpoint, secret } = await createEndpoint(database, {
      keyId: caller.keyId,
      viewer: toViewer(caller),
      url,
      format,
      events: EVENTS_OF_FORMAT[format].filter((event) => events?.includes(event) ?? true),
      description,
      actor: keyActor(caller),
    });
    return context.json({ ...toWebhookResource(endpoint), secret }, 201);
  },
);

export const listWebhooks = route(
  {
    method: 'get',
    path: '/v1/webhooks',
    operationId: 'listWebhooks',
    tag: 'Webhooks',
    access: 'runs:read',
    summary: 'List webhooks, newest first',
    description: 'Webhooks of the calling API key. Operators see all webhooks.',
    request: { query: z.strictObject(pageQuery) },
    responses: { 200: pageOf(webhookSchema, 'A page of webhooks.'), ...problems(400, 401, 403) },
  },
  async (context, { database }) => {
    const { cursor, limit } = context.req.valid('query');
    const keyId = toKeyFilter(context.get('caller'));
    const { endpoints, hasMore } = await listEndpoints(database, { keyId, before: cursor, limit });
    return context.json({ data: endpoints.map(toWebhookResource), nextCursor: toNextCursor(endpoints, hasMore) }, 200);
  },
);

export const getWebhook = route(
  {
    method: 'get',
    path: '/v1/webhooks/{id}',
    operationId: 'getWebhook',
    tag: 'Webhooks',
    access: 'runs:read',
    summary: 'Read a webhook',
    request: { params: webhookParams },
    responses: { 200: json(webhookSchema, 'The webhook.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const endpoint = await requireWebhook(database, {
      id: context.req.valid('param').id,
      caller: context.get('caller'),
    });
    return context.json(toWebhookResource(endpoint), 200);
  },
);

export const removeWebhook = route(
  {
    method: 'delete',
    path: '/v1/webhooks/{id}',
    operationId: 'removeWebhook',
    tag: 'Webhooks',
    access: 'runs:write',
    summary: 'Delete a webhook',
    description: 'Nothing more is sent to it.',
    request: { params: webhookParams },
    responses: { 200: json(webhookSchema, 'The deleted webhook.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const caller = context.get('caller');
    const endpoint = await removeEndpoint(database, { id, keyId: toKeyFilter(caller), actor: keyActor(caller) });
    if (endpoint === null) throw webhookNotFound(id);
    return context.json(toWebhookResource(endpoint), 200);
  },
);

export const testWebhook = route(
  {
    method: 'post',
    path: '/v1/webhooks/{id}/test',
    operationId: 'testWebhook',
    tag: 'Webhooks',
    access: 'runs:write',
    summary: 'Send a test event to a webhook',
    description: 'Sends an event `webhook.test`, once. `GET /v1/webhooks/{id}/deliveries` shows the result.',
    request: { params: webhookParams },
    responses: {
      202: json(webhookDeliverySchema, 'The delivery, to be sent soon.'),
      ...problems(400, 401, 403, 404, 409),
    },
  },
  async (context, { database }) => {
    const endpoint = await requireWebhook(database, {
      id: context.req.valid('param').id,
      caller: context.get('caller'),
    });
    return context.json(toDeliveryResource(await sendTest(database, endpoint)), 202);
  },
);
