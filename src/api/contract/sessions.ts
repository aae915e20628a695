import { z } from '@hono/zod-openapi';
import { instant } from './output-fields.ts';
import { runSchema } from './runs.ts';
import { submissionSchema } from './submission.ts';

const isTruncated = z.literal(true).optional().describe('Set when the original is longer than shown.');

const messageContentSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string(), isTruncated }),
  z.object({ type: z.literal('thinking'), text: z.string(), isTruncated }),
  z.object({ type: z.literal('tool_use'), toolUseId: z.string(), name: z.string(), input: z.unknown(), isTruncated }),
  z.object({
    type: z.literal('tool_result'),
    toolUseId: z.string(),
    isError: z.boolean(),
    text: z.string(),
    isTruncated,
  }),
]);

export const sessionMessageSchema = z
  .object({
    role: z.enum(['user', 'assistant']),
    runId: z.uuid().describe('The run that the message belongs to.'),
    at: z.string().nullable(),
    content: z.array(messageContentSchema),
  })
  .openapi('SessionMessage');

const sessionFields = {
  id: z.uuid(),
  agent: z.string(),
  user: z.string().nullable(),
  team: z.string().nullable(),
  createdAt: instant(),
  updatedAt: instant(),
  forkedFrom: z
    .uuid()
    .nullable()
    .describe('The session that this one was branched from. That session may no longer exist.'),
};

export const sessionSummarySchema = z.object(sessionFields).openapi('SessionSummary');

export const sessionSchema = z
  .object({
    ...sessionFields,
    runs: z.object({
      data: z.array(runSchema).describe('Newest first.'),
      nextCursor: z.uuid().nullable().describe('Pass it as `runsCursor` for the next page.'),
    }),
    messages: z.object({
      data: z.array(sessionMessageSchema).describe('Oldest first.'),
      nextCursor: z.int().nullable().describe('Pass it as `after` for the next page.'),
    }),
  })
  .openapi('Session');

const { prompt, attachments, metadata, priority, startAfter, limits, webhookUrl } = submissionSchema.shape;

/** A message to a run's session: a submission without the fields that the run determines. */
export const messageSchema = z
  .strictObject({ prompt, attachments, metadata, priority, startAfter, limits, webhookUrl }, 'must be an object')
  .openapi('Message', { example: { prompt: 'And what about last week?' } });

export type SessionResource = z.input<typeof sessionSchema>;
export type SessionSummaryResource = z.input<typeof sessionSummarySchema>;
export type SessionMessageResource = z.input<typeof sessionMessageSchema>;
export type Message = z.input<typeof messageSchema>;
