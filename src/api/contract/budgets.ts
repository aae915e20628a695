import { z } from '@hono/zod-openapi';
import { owner } from '../input-fields.ts';
import { instant, usd } from './output-fields.ts';

export const budgetSchema = z
  .object({
    scope: z.enum(['user', 'team', 'global']),
    key: z.string().nullable().describe('The user or team; null for the global budget.'),
    team: z
      .string()
      .nullable()
      .describe(
        "For a user's budget: the team that owns the user. Null for a user of the application, and for other budgets.",
      ),
    period: z.enum(['day', 'month']),
    start: z.string().describe('The first day of the period, in the configured time zone.'),
    limitUsd: usd().nullable().describe('Null when there is no limit.'),
    isChanged: z.boolean().describe('True when an operator has set a limit that overrides the configuration.'),
    spentUsd: usd(),
    reservedUsd: usd().describe('Money reserved for unfinished runs.'),
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
          'With `scope` `user`: the team that owns the user. Defaults to none: the user belongs to the application.',
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
    .describe('USD. Null restores the configured limit; leave the field out to keep the current one.');
}

export type BudgetResource = z.infer<typeof budgetSchema>;
export type BudgetChange = z.input<typeof budgetChangeSchema>;
