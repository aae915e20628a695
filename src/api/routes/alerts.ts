import { createRoute, z } from '@hono/zod-openapi';
import { ALERT_STATES, SEVERITIES, toAlertContent } from '../../alert/alert.ts';
import { acknowledgeAlert, listAlerts, type ToldAlert } from '../../alert/read-alerts.ts';
import { LonghaulError } from '../../core/errors.ts';
import type { Api, ApiDeps } from '../api-deps.ts';
import { alertSchema, type AlertResource } from '../contract.ts';
import { id, wholeNumber } from '../input-fields.ts';
import { json, problems } from './answers.ts';

/** Adds the routes that list and acknowledge alerts, for operators. */
export function addAlertRoutes(api: Api, { database }: ApiDeps): void {
  api.openapi(
    createRoute({
      method: 'get',
      path: '/v1/alerts',
      summary: 'List alerts, newest first',
      description:
        'For operator keys. Each alert includes all its notifications. Alerts are kept for 90 days after they are resolved.',
      request: {
        query: z.strictObject({
          state: z.enum(ALERT_STATES, `must be one of ${ALERT_STATES.join(', ')}`).optional(),
          severity: z.enum(SEVERITIES, `must be one of ${SEVERITIES.join(', ')}`).optional(),
          cursor: id('must be the nextCursor of an earlier page').optional(),
          limit: wholeNumber({ min: 1, max: 200 }).default(50).openapi({ default: 50 }),
        }),
      },
      responses: {
        200: json(z.object({ data: z.array(alertSchema), nextCursor: z.uuid().nullable() }), 'A page of alerts.'),
        ...problems(400, 401, 403),
      },
    }),
    async (context) => {
      const { cursor, ...filter } = context.req.valid('query');
      const { alerts, hasMore } = await listAlerts(database, { ...filter, before: cursor });
      const nextCursor = hasMore ? (alerts.at(-1)?.id ?? null) : null;
      return context.json({ data: alerts.map(toAlertResource), nextCursor }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: 'post',
      path: '/v1/alerts/{id}/acknowledge',
      summary: 'Acknowledge an alert',
      description:
        'For operator keys. An acknowledged alert is not repeated unless it gets worse. Idempotent: the first acknowledgement is kept.',
      request: {
        params: z.object({
          id: id("must be an alert's id, a UUID").openapi({ format: 'uuid', description: "The alert's id." }),
        }),
      },
      responses: { 200: json(alertSchema, 'The acknowledged alert.'), ...problems(400, 401, 403, 404) },
    }),
    async (context) => {
      const caller = context.get('caller');
      const { id } = context.req.valid('param');
      const alert = await acknowledgeAlert(database, { id, keyId: caller.keyId });
      if (alert === null) throw new LonghaulError('not_found', { message: `There is no alert ${id}.` });
      return context.json(toAlertResource(alert), 200);
    },
  );
}

function toAlertResource({ deliveries, ...alert }: ToldAlert): AlertResource {
  return {
    ...toAlertContent(alert),
    deliveries: deliveries.map(({ at, nextAttemptAt, deliveredAt, ...delivery }) => ({
      ...delivery,
      at: at.toISOString(),
      nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
      deliveredAt: deliveredAt?.toISOString() ?? null,
    })),
  };
}
