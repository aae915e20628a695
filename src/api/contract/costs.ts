import { z } from '@hono/zod-openapi';
import { instant, tokens, usd } from './output-fields.ts';

const costSums = {
  costUsd: usd().describe('The amount charged.'),
  ownCostUsd: usd()
    .nullable()
    .describe(
      "The cost by Longhaul's own price list; null when tokens were used and the list has no price for any of them.",
    ),
  unpricedUsd: usd().describe("The part of `costUsd` that Longhaul's price list has no price for."),
  isOwnCostWhole: z.boolean().describe('True when `ownCostUsd` covers everything that was used.'),
  runs: z.int().describe('Finished runs. Grouped by model: finished runs whose last attempt used the model.'),
  succeededRuns: z.int(),
  attempts: z.int(),
  ...tokens,
  cacheCreation1hTokens: z.int().describe('The part of `cacheCreationTokens` that is cached for an hour.'),
  thinkingTokens: z.int().describe('The part of `outputTokens` that was thinking, if the provider reports it.'),
  costPerSucceededRunUsd: usd()
    .nullable()
    .describe('All costs, including those of failures, divided by the runs that succeeded; null when none did.'),
  retriedCostUsd: usd().describe('The cost of failed attempts that another attempt followed.'),
  driftUsd: usd()
    .nullable()
    .describe("The Agent SDK's cost minus Longhaul's own, over everything that has both; null when nothing has both."),
};

export const costSumsSchema = z.object(costSums).openapi('CostSums');

export const costRowSchema = z
  .object({
    key: z
      .string()
      .nullable()
      .describe('The day, month, user, team, agent or model; null for costs without a user, team or model.'),
    ...costSums,
  })
  .openapi('CostRow');

export const costsSchema = z
  .object({
    data: z.array(costRowSchema),
    nextCursor: z.string().nullable(),
    totals: costSumsSchema.describe('Sums over the rows of all pages. Each run and attempt counts once.'),
    forecast: z
      .object({ dayUsd: usd().nullable(), monthUsd: usd().nullable() })
      .describe(
        'The expected cost of today and of this month: the amount spent so far, and the rate of the last 7 whole days for the remaining time. Null when there are no costs to calculate a rate from.',
      ),
    from: instant().describe('Inclusive.'),
    to: instant().describe('Exclusive.'),
    timeZone: z.string().describe('The time zone in which days and months begin.'),
  })
  .openapi('Costs');

export type CostSumsResource = z.infer<typeof costSumsSchema>;
export type CostRowResource = z.infer<typeof costRowSchema>;
export type CostsResource = z.infer<typeof costsSchema>;
