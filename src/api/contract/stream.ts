import { z } from '@hono/zod-openapi';
import { id } from '../input-fields.ts';
import { eventSchema } from './events.ts';

const subscriptionId = z
  .string('must be a text')
  .min(1, 'must have 1 to 64 characters')
  .max(64, 'must have 1 to 64 characters');

/** What a reader may send over a WebSocket. */
export const streamMessageSchema = z.discriminatedUnion(
  'type',
  [
    z
      .strictObject({
        type: z.literal('subscribe'),
        id: subscriptionId.describe("The reader's own name for it; every frame of it carries it."),
        runId: id("must be a run's id, a UUID").optional().describe('The run to follow.'),
        all: z.literal(true, 'must be true').optional().describe('To follow every run the caller may see.'),
        after: z
          .int('must be a cursor, a whole number')
          .min(0, 'must be a cursor, 0 or more')
          .optional()
          .describe('Events after this cursor. Without it: of a run all, of all runs those from now on.'),
      })
      .refine(({ runId, all }) => (runId === undefined) !== (all === undefined), {
        path: ['runId'],
        message: 'must be given, or else all: true; not both',
      }),
    z.strictObject({ type: z.literal('unsubscribe'), id: subscriptionId }),
    z.strictObject({ type: z.literal('ping') }),
  ],
  'must be an object with type "subscribe", "unsubscribe" or "ping"',
);

export const eventPageSchema = z
  .object({
    data: z.array(eventSchema),
    nextCursor: z.int().nullable().describe('Goes into `after` for what follows; null: there is no full page.'),
  })
  .openapi('EventPage');

export const streamPageSchema = z
  .object({ data: z.array(eventSchema), nextCursor: z.int().describe('Goes into `after` for what follows.') })
  .openapi('StreamPage');

export type StreamPage = z.infer<typeof streamPageSchema>;
