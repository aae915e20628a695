import { z } from '@hono/zod-openapi';
import { METRICS_TYPE } from '../../metrics/metrics.ts';
import { route } from '../route.ts';
import { problems } from './answers.ts';

export const getMetrics = route(
  {
    method: 'get',
    path: '/metrics',
    operationId: 'getMetrics',
    tag: 'Service',
    access: 'metrics',
    isForKeysOnly: true,
    summary: 'Read metrics for Prometheus',
    description:
      'Returns the metrics of the fleet, which are the same on every server, and of the process that answers. Needs a key with the scope `metrics` or `admin`.',
    responses: {
      200: {
        description: 'The metrics, in the text format of Prometheus.',
        content: { 'text/plain': { schema: z.string(), example: 'longhaul_wanted_slots 5\n' } },
      },
      ...problems(401, 403),
    },
  },
  async (context, { metrics }) => context.text(await metrics.scrape(), 200, { 'content-type': METRICS_TYPE }),
);
