import { z } from '@hono/zod-openapi';
import { MAX_FILES } from '../../core/file-type.ts';
import { owner, text, time } from '../input-fields.ts';
import { newAttachmentSchema } from './files.ts';
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
  .describe('Limits of this run only. They can only be lower than those of the agent.');

export const submissionSchema = z
  .strictObject(
    {
      agent: z
        .string('must be the name of an agent')
        .min(1, 'must be the name of an agent')
        .max(64, 'must be the name of an agent'),
      prompt: text()
        .min(1, 'must not be empty')
        .describe('The task of the agent. Data: never expanded, never interpreted.'),
      attachments: z
        .array(newAttachmentSchema, 'must be a list of attachments')
        .max(MAX_FILES, `must be at most ${MAX_FILES} attachments`)
        .optional()
        .describe(
          'Images, PDFs and texts that the agent reads before the prompt; together at most 10 MiB. Each has its content in base64, or the id of a file that was uploaded or attached before.',
        ),
      user: owner().optional().describe("The application's end user the run is for."),
      team: owner()
        .optional()
        .describe('A team whose budget the run also counts for, such as a customer or a department.'),
      sessionId: z
        .uuid('must be the sessionId of an earlier run')
        .toLowerCase()
        .optional()
        .describe('The session to continue, of the same agent, user and team. Defaults to a new session.'),
      fork: z
        .boolean('must be true or false')
        .optional()
        .describe('With `sessionId`: starts a branch of that session, which continues independently.'),
      // Not `z.record`, which silently drops a key "__proto__".
      metadata: z.custom<Record<string, unknown>>(isObject, 'must be an object').optional().openapi({
        type: 'object',
        additionalProperties: true,
        description: 'Stored with the run and returned unchanged; at most 16 KB and 100 levels deep.',
      }),
      priority: z
        .int('must be a whole number')
        .min(-100, 'must be between -100 and 100')
        .max(100, 'must be between -100 and 100')
        .optional()
        .describe('Runs with a higher priority start first. Defaults to 0.'),
      startAfter: time().optional().describe('The earliest time to start. Defaults to now.'),
      limits: limitsSchema.optional(),
      webhookUrl: webhookUrl()
        .optional()
        .describe(
          "Receives a POST when the run ends or waits, signed with the API key's own secret. Later shown only in deliveries.",
        ),
    },
    'must be an object',
  )
  .openapi('Submission');

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Submission = z.input<typeof submissionSchema>;
