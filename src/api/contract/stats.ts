import { z } from '@hono/zod-openapi';
import { STAT_STEPS } from '../../stats/read-stats.ts';
import { instant, usd } from './output-fields.ts';

const percentiles = z
  .object({
    p50Ms: z.int().describe('Half of them were below. Within a tenth of it.'),
    p95Ms: z.int(),
    runs: z.int().describe('How many it is of.'),
  })
  .nullable();

const outcomes = {
  submitted: z.int(),
  succeeded: z.int().describe('Those that ended then, as the next two.'),
  failed: z.int(),
  cancelled: z.int(),
  costUsd: usd()
    .nullable()
    .describe('What attempts that ended then cost. Null for whoever may not see what all runs cost.'),
};

const timing = {
  wait: percentiles.describe('How long runs that ended then had waited for their first attempt; null: none ended.'),
  duration: percentiles.describe('How long the attempts of runs that ended then took; null: none ended.'),
};

const failures = z
  .array(z.object({ code: z.string(), runs: z.int() }))
  .describe('Why those that failed did, most frequent first.');

const queueStand = z
  .object({
    waiting: z.number(),
    delayed: z.number(),
    held: z.number(),
    oldestWaitSeconds: z.number().nullable().describe('The longest in the step.'),
  })
  .nullable()
  .describe('How the queues stood, on average; null: it was not taken down, or is not for the caller.');

const slotStand = z
  .object({ workers: z.number(), total: z.number(), running: z.number() })
  .nullable()
  .describe('How the workers stood, on average; null as above.');

export const statPointSchema = z
  .object({
    at: instant().describe('The beginning of the step.'),
    ...outcomes,
    ...timing,
    failures,
    queues: queueStand,
    slots: slotStand,
  })
  .openapi('StatPoint');

export const statsSchema = z
  .object({
    data: z.array(statPointSchema).describe('Every step, oldest first, also where nothing happened.'),
    totals: z.object({ ...outcomes, ...timing, failures }),
    agents: z
      .array(z.object({ agent: z.string(), ...outcomes }))
      .describe('The same by agent, the one with the most runs first.'),
    queues: z
      .array(z.object({ queue: z.string(), data: z.array(z.object({ at: instant(), waiting: z.number() })) }))
      .describe('What waited in each queue, step by step; none where it is not for the caller.'),
    now: z
      .object({ queued: z.int(), running: z.int(), waiting: z.int() })
      .describe('Runs that have not ended, as they stand.'),
    from: instant().describe('Included: the beginning of the first step.'),
    to: instant().describe('Not included.'),
    step: z.enum(STAT_STEPS),
    timeZone: z.string().describe('Where days begin.'),
  })
  .openapi('Stats');

export type StatPointResource = z.infer<typeof statPointSchema>;
export type StatsResource = z.infer<typeof statsSchema>;
