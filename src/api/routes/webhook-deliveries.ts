import { createRoute, z } from '@hono/zod-openapi';
import { toViewer, type Caller } from '../../access/caller.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { Database } from '../../db/database.ts';
import { findRun } from '../../run/read/read-runs.ts';
import { listDeliveries, redeliver, type WebhookDelivery } from '../../webhook/deliveries.ts';
import type { WebhookEndpoint } from '../../webhook/endpoints.ts';
import type { Api } from '../api-deps.ts';
import { DELIVERY_STATUSES, webhookDeliverySchema, type WebhookDeliveryResource } from '../contract.ts';
import { id, wholeNumber } from '../input-fields.ts';
import { toKeyFilter } from '../webhook-access.ts';
import { json, problems } from './answers.ts';
import { idParams, runNotFound } from './run-id.ts';

const query = z.strictObject({
  status: z.enum(DELIVERY_STATUSES, `must be one of ${DELIVERY_STATUSES.join(', ')}`).optional(),
  cursor: id('must be the nextCursor of an earlier page').optional(),
  limit: wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 }),
});

const page = json(
  z.object({ data: z.array(webhookDeliverySchema), nextCursor: z.uuid().nullable() }),
  'A page of deliveries.',
);

interface DeliveryDeps {
  readonly database: Database;
  readonly findWebhook: (id: string, caller: Caller) => Promise<WebhookEndpoint>;
}

/** Adds the routes that list webhook deliveries and send them again. */
export function addWebhookDeliveryRoutes(api: Api, { database, findWebhook }: DeliveryDeps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/webhooks/{id}/deliveries',
      summary: 'List the deliveries to a webhook, newest first',
      description: 'Deliveries are kept as long as their runs.',
      request: {
        params: z.object({
          id: id("must be a webhook's id, a UUID").openapi({ format: 'uuid', description: "The webhook's id." }),
        }),
        query,
      },
      responses: { 200: page, ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const caller = context.get('caller');
      const { id } = await findWebhook(context.req.valid('param').id, caller);
      return context.json(await readPage({ endpointId: id }, { caller, ...context.req.valid('query') }), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/runs/{id}/deliveries',
      summary: 'List the webhook deliveries of a run, newest first',
      description:
        "Deliveries to webhooks of the calling API key and to the run's own `webhookUrl`. Operators see all deliveries.",
      request: { params: idParams, query },
      responses: { 200: page, ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const caller = context.get('caller');
      const { id: runId } = context.req.valid('param');
      const run = await findRun(database, { runId, viewer: toViewer(caller) });
      if (run === null) throw runNotFound(runId);
      return context.json(await readPage({ runId }, { caller, ...context.req.valid('query') }), 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/webhooks/deliveries/{id}/redeliver',
      summary: 'Redeliver a webhook delivery',
      description:
        'Sends the delivery again, whatever its status, with the same id and content. It is retried until it is accepted or a day has passed.',
      request: {
        params: z.object({
          id: id("must be a delivery's id, a UUID").openapi({ format: 'uuid', description: "The delivery's id." }),
        }),
      },
      responses: {
        202: json(webhookDeliverySchema, 'The delivery, to be sent soon.'),
        ...problems(400, 401, 403, 404, 409),
      },
    }),
    async (context) => {
      const { id } = context.req.valid('param');
      const delivery = await redeliver(database, { id, keyId: toKeyFilter(context.get('caller')) });
      if (delivery === null) throw new LonghaulError('not_found', { message: `There is no delivery ${id}.` });
      return context.json(toDeliveryResource(delivery), 202);
    },
  );

  async function readPage(
    of: Parameters<typeof listDeliveries>[1]['of'],
    { caller, status, cursor, limit }: z.output<typeof query> & { caller: Caller },
  ) {
    const keyId = toKeyFilter(caller);
    const { deliveries, hasMore } = await listDeliveries(database, { keyId, of, status, before: cursor, limit });
    return {
      data: deliveries.map(toDeliveryResource),
      nextCursor: hasMore ? (deliveries.at(-1)?.id ?? null) : null,
    };
  }
}

/** Converts a delivery for the API. */
export function toDeliveryResource(delivery: WebhookDelivery): WebhookDeliveryResource {
  const { createdAt, lastAttemptAt, nextAttemptAt, deliveredAt, type, ...rest } = delivery;
  return {
    ...rest,
    type: type as WebhookDeliveryResource['type'],
    createdAt: createdAt.toISOString(),
    lastAttemptAt: lastAttemptAt?.toISOString() ?? null,
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
    deliveredAt: deliveredAt?.toISOString() ?? null,
  };
}
