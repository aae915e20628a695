import { z } from '@hono/zod-openapi';
import { toViewer, type Caller } from '../../access/caller.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { Database } from '../../db/database.ts';
import { listDeliveries, redeliver } from '../../webhook/deliveries.ts';
import { DELIVERY_STATUSES, webhookDeliverySchema } from '../contract.ts';
import { route } from '../route.ts';
import { toKeyFilter } from '../webhook-access.ts';
import { json, problems } from './answers.ts';
import { pageOf, pageQuery, toNextCursor } from './pages.ts';
import { idParams } from './requests.ts';
import { requireRun, runParams } from './run-id.ts';
import { requireWebhook, toDeliveryResource, webhookParams } from './webhook-resource.ts';

const query = z.strictObject({
  status: z.enum(DELIVERY_STATUSES, `must be one of ${DELIVERY_STATUSES.join(', ')}`).optional(),
  ...pageQuery,
});

const page = pageOf(webhookDeliverySchema, 'A page of deliveries.');

export const listWebhookDeliveries = route(
  {
    method: 'get',
    path: '/v1/webhooks/{id}/deliveries',
    operationId: 'listWebhookDeliveries',
    tag: 'Webhooks',
    access: 'runs:read',
    summary: 'List the deliveries to a webhook, newest first',
    description: 'Deliveries are kept as long as their runs.',
    request: { params: webhookParams, query },
    responses: { 200: page, ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const caller = context.get('caller');
    const { id } = await requireWebhook(database, { id: context.req.valid('param').id, caller });
    const deliveries = await readPage(database, { of: { endpointId: id }, caller, ...context.req.valid('query') });
    return context.json(deliveries, 200);
  },
);

export const listRunDeliveries = route(
  {
    method: 'get',
    path: '/v1/runs/{id}/deliveries',
    operationId: 'listRunDeliveries',
    tag: 'Webhooks',
    access: 'runs:read',
    summary: 'List the webhook deliveries of a run, newest first',
    description:
      "Deliveries to webhooks of the calling API key and to the run's own `webhookUrl`. Operators see all deliveries.",
    request: { params: runParams, query },
    responses: { 200: page, ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const caller = context.get('caller');
    const { id: runId } = await requireRun(database, {
      runId: context.req.valid('param').id,
      viewer: toViewer(caller),
    });
    const deliveries = await readPage(database, { of: { runId }, caller, ...context.req.valid('query') });
    return context.json(deliveries, 200);
  },
);

export const redeliverWebhook = route(
  {
    method: 'post',
    path: '/v1/webhooks/deliveries/{id}/redeliver',
    operationId: 'redeliverWebhook',
    tag: 'Webhooks',
    access: 'runs:write',
    summary: 'Redeliver a webhook delivery',
    description:
      'Sends the delivery again, whatever its status, with the same id and content. It is retried until it is accepted or a day has passed.',
    request: { params: idParams('a delivery') },
    responses: {
      202: json(webhookDeliverySchema, 'The delivery, to be sent soon.'),
      ...problems(400, 401, 403, 404, 409),
    },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const delivery = await redeliver(database, { id, keyId: toKeyFilter(context.get('caller')) });
    if (delivery === null) throw new LonghaulError('not_found', { message: `There is no delivery ${id}.` });
    return context.json(toDeliveryResource(delivery), 202);
  },
);

interface PageOptions extends z.output<typeof query> {
  readonly of: Parameters<typeof listDeliveries>[1]['of'];
  readonly caller: Caller;
}

async function readPage(database: Database, { of, caller, status, cursor, limit }: PageOptions) {
  const keyId = toKeyFilter(caller);
  const { deliveries, hasMore } = await listDeliveries(database, { keyId, of, status, before: cursor, limit });
  return { data: deliveries.map(toDeliveryResource), nextCursor: toNextCursor(deliveries, hasMore) };
}
