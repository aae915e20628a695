import { z } from '@hono/zod-openapi';
import { toSlotsOf, type Scaling } from '../../metrics/scaling.ts';
import { scalingSchema, type ScalingResource } from '../contract.ts';
import { plainNumber } from '../input-fields.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';

const GIGABYTE = 1_000_000_000;

export const getScaling = route(
  {
    method: 'get',
    path: '/v1/scaling',
    operationId: 'getScaling',
    tag: 'Service',
    access: 'metrics',
    isForKeysOnly: true,
    summary: 'Read how many slots the fleet needs',
    description:
      'For autoscalers: `wantedSlots` alone is enough to scale by. Answers are reused for a few seconds. Needs a key with the scope `metrics` or `admin`.',
    request: {
      query: z.strictObject({
        memoryGb: plainNumber({
          min: 0,
          max: 100_000,
          pattern: /^\d+(\.\d+)?$/,
          type: 'number',
          name: 'a number of gigabytes',
        })
          .optional()
          .openapi({ description: 'Memory of a machine, in gigabytes (10^9 bytes), for `machine`.' }),
      }),
    },
    responses: { 200: json(scalingSchema, 'The need for slots.'), ...problems(400, 401, 403) },
  },
  async (context, { metrics }) => {
    const { memoryGb } = context.req.valid('query');
    return context.json(toResource(await metrics.scaling(), memoryGb ?? null), 200);
  },
);

function toResource({ queues, memory, ...fleet }: Scaling, memoryGb: number | null): ScalingResource {
  const machine = memoryGb === null ? null : { memoryGb, slots: toSlotsOf(memoryGb * GIGABYTE, memory) };
  return { ...fleet, queues: Object.fromEntries(queues), memory, machine };
}
