import { z } from '@hono/zod-openapi';
import { approvalSchema } from './approvals.ts';
import { instant, usd } from './output-fields.ts';

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string(),
    detail: z.string().optional(),
    errors: z
      .array(z.object({ path: z.string(), message: z.string() }))
      .optional()
      .describe('The invalid fields, at most the first 100.'),
    budget: z
      .object({
        scope: z.enum(['user', 'team', 'global']),
        period: z.enum(['day', 'month']),
        limitUsd: usd()
          .optional()
          .describe(
            'Amounts of team and global budgets are for operator keys only; those of user budgets are for every key.',
          ),
        spentUsd: usd().optional(),
        reservedUsd: usd().optional().describe('Money reserved for unfinished runs.'),
        resetsAt: instant(),
      })
      .optional()
      .describe('With status 402: the budget that has no room for the request.'),
    approval: approvalSchema.optional().describe('With status 409 for a decision: the current approval.'),
  })
  .openapi('Problem');

export type Problem = z.infer<typeof problemSchema>;
