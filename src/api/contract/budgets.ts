import { z } from '@hono/zod-openapi';
import { owner } from '../input-fields.ts';
import { instant, usd } from './output-fields.ts';

export const budgetSchema = z
  .object({
    scope: z.enum(['user', 'team', 'global']),
    key: z.string().nullable().describe('The user or team; null for all together.'),
    team: z
      .string()
      .nullable()
      .describe("Of a user: the team whose own user it is; null: the application's user, or no user's budget."),
    period: z.enum(['day', 'month']),
    start: z.string().describe('The first day, in the time zone of the configuration.'),
    limitUsd: usd().nullable().describe('Null: no limit.'),
    isChanged: z.boolean().describe('Whether an operator has set the limit, over the configuration.'),
    spentUsd: usd(),
    reservedUsd: usd().describe('Set aside for runs that are not over.'),
    resetsAt: instant(),
  })
  .openapi('Budget');

export const budgetChangeSchema = z
  .strictObject(
    {
      scope: z.enum(['user', 'team', 'global'], 'must be "user", "team" or "global"'),
      key: owner().optional(),
      team: owner()
        .optional()
        .describe(
          "With `scope` `user`: the team whose own user it is. Defaults to none: it is the application's user.",
        ),
      usdPerDay: newLimit(),
      usdPerMonth: newLimit(),
    },
    'must be an object',
  )
  .openapi('BudgetChange');

function newLimit() {
  return z
    .number('must be an amount in USD, or null')
    .min(0, 'must be 0 or more')
    .max(1_000_000, 'must be at most 1000000')
    .nullable()
    .optional()
    .describe("USD; null for the configuration's own again. Left out, it stays.");
}

export type BudgetResource = z.infer<typeof budgetSchema>;
export type BudgetChange = z.input<typeof budgetChangeSchema>;
