import { z } from '@hono/zod-openapi';
import { instant, tokens, usd } from './output-fields.ts';

const costSums = {
  costUsd: usd().describe('What was charged.'),
  ownCostUsd: usd()
    .nullable()
    .describe('By our own list of prices; null: it has none for anything of this, though something was used.'),
  unpricedUsd: usd().describe('The part of `costUsd` that our list has no price for.'),
  isOwnCostWhole: z.boolean().describe('False: `ownCostUsd` leaves something out.'),
  runs: z.int().describe('Runs that have ended. By model: those in whose last attempt it was used.'),
  succeededRuns: z.int(),
  attempts: z.int(),
  ...tokens,
  cacheCreation1hTokens: z.int().describe('The part of `cacheCreationTokens` that is kept for an hour.'),
  thinkingTokens: z.int().describe('The part of `outputTokens` that was thinking, where the provider says.'),
  costPerSucceededRunUsd: usd()
    .nullable()
    .describe('All costs, those of failures as well, for each run that succeeded; null: none did.'),
  retriedCostUsd: usd().describe('What failed attempts cost that another one followed.'),
  driftUsd: usd()
    .nullable()
    .describe("The Agent SDK's figure less our own, over all that has both; null: nothing has."),
};

export const costSumsSchema = z.object(costSums).openapi('CostSums');

export const costRowSchema = z
  .object({
    key: z
      .string()
      .nullable()
      .describe('The day, month, user, team, agent or model; null: without a user, a team or a model.'),
    ...costSums,
  })
  .openapi('CostRow');

export const costsSchema = z
  .object({
    data: z.array(costRowSchema),
    nextCursor: z.string().nullable(),
    totals: costSumsSchema.describe('Over the rows of all pages, each run and attempt counted once.'),
    forecast: z
      .object({ dayUsd: usd().nullable(), monthUsd: usd().nullable() })
      .describe(
        'What today and this month will have cost: what was spent so far, and for the rest of the time the rate of the last 7 whole days. Null: there is nothing to go by.',
      ),
    from: instant().describe('Included.'),
    to: instant().describe('Not included.'),
    timeZone: z.string().describe('Where days and months begin.'),
  })
  .openapi('Costs');

export type CostSumsResource = z.infer<typeof costSumsSchema>;
export type CostRowResource = z.infer<typeof costRowSchema>;
export type CostsResource = z.infer<typeof costsSchema>;
