import { z } from '@hono/zod-openapi';
import { id } from '../input-fields.ts';
import { eventSchema } from './events.ts';

const subscriptionId = z
  .string('must be a text')
  .min(1, 'must have 1 to 64 characters')
  .max(64, 'must have 1 to 64 characters');

/** A message that a client may send over a WebSocket. */
export const streamMessageSchema = z.discriminatedUnion(
  'type',
  [
    z
      .strictObject({
        type: z.literal('subscribe'),
        id: subscriptionId.describe(
          "The client's name for the subscription. Every frame of the subscription carries it.",
        ),
        runId: id("must be a run's id, a UUID").optional().describe('The run to follow.'),
        all: z.literal(true, 'must be true').optional().describe('Set to follow every run the caller may see.'),
        after: z
          .int('must be a cursor, a whole number')
          .min(0, 'must be a cursor, 0 or more')
          .optional()
          .describe('Events after this cursor. Defaults to every event of a run, or, with `all`, to new events only.'),
      })
      .refine(({ runId, all }) => (runId === undefined) !== (all === undefined), {
        path: ['runId'],
        message: 'must be given, or all: true, but not both',
      }),
    z.strictObject({ type: z.literal('unsubscribe'), id: subscriptionId }),
    z.strictObject({ type: z.literal('ping') }),
  ],
  'must be an object with type "subscribe", "unsubscribe" or "ping"',
);

export const eventPageSchema = z
  .object({
    data: z.array(eventSchema),
    nextCursor: z.int().nullable().describe('Pass it as `after` for the next page; null when this page is not full.'),
  })
  .openapi('EventPage');

export const streamPageSchema = z
  .object({ data: z.array(eventSchema), nextCursor: z.int().describe('Pass it as `after` for the next page.') })
  .openapi('StreamPage');

export type StreamPage = z.infer<typeof streamPageSchema>;
