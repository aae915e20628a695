import { z } from '@hono/zod-openapi';
import { STAT_STEPS } from '../../stats/read-stats.ts';
import { instant, usd } from './output-fields.ts';

const percentiles = z
  .object({
    p50Ms: z.int().describe('Median. Accurate to within 10 %.'),
    p95Ms: z.int().describe('95th percentile. Accurate to within 10 %.'),
    runs: z.int().describe('Number of runs that were measured.'),
  })
  .nullable();

const outcomes = {
  submitted: z.int().describe('Runs that were submitted in this step.'),
  succeeded: z
    .int()
    .describe('Runs that succeeded in this step. `failed` and `cancelled` count by the end of the run too.'),
  failed: z.int(),
  cancelled: z.int(),
  costUsd: usd()
    .nullable()
    .describe('Cost of the attempts that ended in this step. Null for callers that may not see the cost of all runs.'),
};

const timing = {
  wait: percentiles.describe(
    'Time that the runs which ended in this step had waited for their first attempt; null when none ended.',
  ),
  duration: percentiles.describe(
    'Time that the attempts of the runs which ended in this step took; null when none ended.',
  ),
};

const failures = z
  .array(z.object({ code: z.string(), runs: z.int() }))
  .describe('Error codes of the failed runs, most frequent first.');

const queueStand = z
  .object({
    waiting: z.number(),
    delayed: z.number(),
    held: z.number(),
    oldestWaitSeconds: z.number().nullable().describe('Longest wait in the step.'),
  })
  .nullable()
  .describe('Average state of the queues; null when it was not recorded or the caller may not see it.');

const slotStand = z
  .object({ workers: z.number(), total: z.number(), running: z.number() })
  .nullable()
  .describe('Average state of the workers; null when it was not recorded or the caller may not see it.');

export const statPointSchema = z
  .object({
    at: instant().describe('Start of the step.'),
    ...outcomes,
    ...timing,
    failures,
    queues: queueStand,
    slots: slotStand,
  })
  .openapi('StatPoint');

export const statsSchema = z
  .object({
    data: z.array(statPointSchema).describe('All steps, oldest first, including steps in which nothing happened.'),
    totals: z.object({ ...outcomes, ...timing, failures }),
    agents: z
      .array(z.object({ agent: z.string(), ...outcomes }))
      .describe('The totals of each agent. The agent with the most runs comes first.'),
    queues: z
      .array(z.object({ queue: z.string(), data: z.array(z.object({ at: instant(), waiting: z.number() })) }))
      .describe(
        'Average number of waiting runs in each queue, step by step; empty when the caller may not see the queues.',
      ),
    now: z
      .object({ queued: z.int(), running: z.int(), waiting: z.int() })
      .describe('Unfinished runs by status, at the time of the request.'),
    from: instant().describe('Start of the first step (inclusive).'),
    to: instant().describe('End of the range (exclusive).'),
    step: z.enum(STAT_STEPS),
    timeZone: z.string().describe('Time zone in which days begin.'),
  })
  .openapi('Stats');

export type StatPointResource = z.infer<typeof statPointSchema>;
export type StatsResource = z.infer<typeof statsSchema>;
