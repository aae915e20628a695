import { z } from '@hono/zod-openapi';
import { ALERT_STATES, SEVERITIES, toAlertContent } from '../../alert/alert.ts';
import { acknowledgeAlert as acknowledge, listAlerts as readAlerts, type ToldAlert } from '../../alert/read-alerts.ts';
import { LonghaulError } from '../../core/errors.ts';
import { alertSchema, type AlertResource } from '../contract.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';
import { pageOf, pageQuery, toNextCursor } from './pages.ts';
import { idParams } from './requests.ts';

export const listAlerts = route(
  {
    method: 'get',
    path: '/v1/alerts',
    operationId: 'listAlerts',
    tag: 'Service',
    access: 'admin',
    summary: 'List alerts, newest first',
    description:
      'For operator keys. Each alert includes all its notifications. Alerts are kept for 90 days after they are resolved.',
    request: {
      query: z.strictObject({
        state: z.enum(ALERT_STATES, `must be one of ${ALERT_STATES.join(', ')}`).optional(),
        severity: z.enum(SEVERITIES, `must be one of ${SEVERITIES.join(', ')}`).optional(),
        ...pageQuery,
      }),
    },
    responses: { 200: pageOf(alertSchema, 'A page of alerts.'), ...problems(400, 401, 403) },
  },
  async (context, { database }) => {
    const { cursor, ...filter } = context.req.valid('query');
    const { alerts, hasMore } = await readAlerts(database, { ...filter, before: cursor });
    return context.json({ data: alerts.map(toAlertResource), nextCursor: toNextCursor(alerts, hasMore) }, 200);
  },
);

export const acknowledgeAlert = route(
  {
    method: 'post',
    path: '/v1/alerts/{id}/acknowledge',
    operationId: 'acknowledgeAlert',
    tag: 'Service',
    access: 'admin',
    summary: 'Acknowledge an alert',
    description:
      'For operator keys. An acknowledged alert is not repeated unless it gets worse. Idempotent: the first acknowledgement is kept.',
    request: { params: idParams('an alert') },
    responses: { 200: json(alertSchema, 'The acknowledged alert.'), ...problems(400, 401, 403, 404) },
  },
  async (context, { database }) => {
    const { id } = context.req.valid('param');
    const alert = await acknowledge(database, { id, keyId: context.get('caller').keyId });
    if (alert === null) throw new LonghaulError('not_found', { message: `There is no alert ${id}.` });
    return context.json(toAlertResource(alert), 200);
  },
);

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
