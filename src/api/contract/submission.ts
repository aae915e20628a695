import { z } from '@hono/zod-openapi';
import { owner, text, time } from '../input-fields.ts';
import { webhookUrl } from './webhooks.ts';

export const limitsSchema = z
  .strictObject(
    {
      maxBudgetUsd: z.number('must be an amount in USD').min(0, 'must be 0 or more').optional(),
      maxTurns: z.int('must be a whole number').min(0, 'must be 0 or more').optional(),
      maxThinkingTokens: z.int('must be a whole number').min(0, 'must be 0 or more').optional(),
      timeoutSeconds: z.number('must be a number of seconds').min(0, 'must be 0 or more').optional(),
    },
    'must be an object',
  )
  .describe("Limits of this run alone. They can only be lower than the agent's own.");

export const submissionSchema = z
  .strictObject(
    {
      agent: z
        .string('must be the name of an agent')
        .min(1, 'must be the name of an agent')
        .max(64, 'must be the name of an agent'),
      prompt: text()
        .min(1, 'must not be empty')
        .describe('What the agent is to do. Data: never expanded, never interpreted.'),
      user: owner().optional().describe("The application's own end user the run is for."),
      team: owner()
        .optional()
        .describe('Whose budget the run counts for beside its user’s, such as a customer or a department.'),
      sessionId: z
        .uuid('must be the sessionId of an earlier run')
        .toLowerCase()
        .optional()
        .describe('The conversation it goes on with: of the same agent, user and team. Defaults to a new one.'),
      fork: z
        .boolean('must be true or false')
        .optional()
        .describe('With `sessionId`: begins a branch of that conversation, which goes on by itself.'),
      // Not a record, which would drop a key "__proto__" without a word.
      metadata: z.custom<Record<string, unknown>>(isObject, 'must be an object').optional().openapi({
        type: 'object',
        additionalProperties: true,
        description: 'Kept with the run and returned as given; at most 16 KB and 100 levels deep.',
      }),
      priority: z
        .int('must be a whole number')
        .min(-100, 'must be between -100 and 100')
        .max(100, 'must be between -100 and 100')
        .optional()
        .describe('Higher goes first. Defaults to 0.'),
      startAfter: time().optional().describe('Not to start before. Defaults to at once.'),
      limits: limitsSchema.optional(),
      webhookUrl: webhookUrl()
        .optional()
        .describe(
          "Posted to when the run ends or waits, signed with the API key's own secret. Never shown again but in deliveries.",
        ),
    },
    'must be an object',
  )
  .openapi('Submission');

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Submission = z.input<typeof submissionSchema>;
