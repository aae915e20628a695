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
      .describe('Each field that is wrong, the first 100 of them.'),
    budget: z
      .object({
        scope: z.enum(['user', 'team', 'global']),
        period: z.enum(['day', 'month']),
        limitUsd: usd()
          .optional()
          .describe("Figures of a team and of all are for keys of operators; a user's own for every key."),
        spentUsd: usd().optional(),
        reservedUsd: usd().optional().describe('Set aside for runs that are not over.'),
        resetsAt: instant(),
      })
      .optional()
      .describe('With 402: the budget that has no room.'),
    approval: approvalSchema.optional().describe('With 409 to a decision: the approval as it stands.'),
  })
  .openapi('Problem');

export type Problem = z.infer<typeof problemSchema>;
